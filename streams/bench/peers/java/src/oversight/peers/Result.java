package oversight.peers;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.Map;

/** The sums by organisation and UTC day, and how they are handed in. */
final class Result {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Map<String, Map<String, Long>> days = new LinkedHashMap<>();
    private final PrintStream out;

    /** Keep standard output for the one line of measures: what a library prints there goes to standard error. */
    Result() {
        out = System.out;
        System.setOut(System.err);
    }

    /** Note one window's sums, without zeros. */
    void put(String organisation, long dayMilliseconds, long attended, long within) {
        Map<String, Long> facts = new LinkedHashMap<>();
        if (attended != 0) {
            facts.put("attended", attended);
        }
        if (within != 0) {
            facts.put("within_4h", within);
        }
        if (!facts.isEmpty()) {
            LocalDate day = Instant.ofEpochMilli(dayMilliseconds).atZone(ZoneOffset.UTC).toLocalDate();
            days.put(organisation + "/" + day, facts);
        }
    }

    /** Write the sums to the task's file and say what was measured. */
    void handIn(Task task, Clock clock) throws IOException {
        if (clock.measured() == null) {
            throw new IllegalStateException(
                    "ended before %d records of %s were handled".formatted(task.events(), task.topic()));
        }
        JSON.writeValue(Path.of(task.sums()).toFile(), days);
        out.println(JSON.writeValueAsString(clock.measured()));
    }
}
