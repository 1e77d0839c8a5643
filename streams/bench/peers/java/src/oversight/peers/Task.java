package oversight.peers;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * What a peer is told, the part of it that a peer needs ({@code streams.bench.measured.Task}).
 *
 * @param contender which of the peers
 * @param events how many records to read, from the beginning of the topic
 * @param bootstrap where Kafka is
 * @param topic one partition
 * @param sums the file for the result
 * @param states a directory for state
 */
@JsonIgnoreProperties(ignoreUnknown = true)
record Task(String contender, long events, String bootstrap, String topic, String sums, String states) {

    /** Read the task from the command line: one argument, JSON. */
    static Task told(String[] arguments) throws JsonProcessingException {
        if (arguments.length != 1) {
            throw new IllegalArgumentException("one argument is needed, the task as JSON");
        }
        return new ObjectMapper().readValue(arguments[0], Task.class);
    }
}
