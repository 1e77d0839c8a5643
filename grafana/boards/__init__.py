"""One module a board; each has `board(catalogue, docs_url)`."""
