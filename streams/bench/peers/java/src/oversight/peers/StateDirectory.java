package oversight.peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A directory for the state of one run, removed at its end with all that is in it. */
final class StateDirectory implements AutoCloseable {
    private final Path path;

    /** Make it among the task's states. */
    StateDirectory(Task task) throws IOException {
        Path states = Files.createDirectories(Path.of(task.states()));
        path = Files.createTempDirectory(states, task.contender() + "-");
    }

    /** Its last name is unique, so it does as a name for the run as well. */
    Path path() {
        return path;
    }

    @Override
    public void close() throws IOException {
        List<Path> deepestFirst;
        try (Stream<Path> found = Files.walk(path)) {
            deepestFirst = found.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path one : deepestFirst) {
            Files.delete(one);
        }
    }
}
