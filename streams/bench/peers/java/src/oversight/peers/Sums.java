package oversight.peers;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/**
 * What is kept for an organisation and a day.
 *
 * @param attended how many attended
 * @param within how many of them stayed at most four hours
 */
record Sums(long attended, long within) {
    static final Sums NONE = new Sums(0, 0);

    /** As it lies in a store: two numbers. */
    static Serde<Sums> serde() {
        return Serdes.serdeFrom(
                (topic, sums) -> ByteBuffer.allocate(2 * Long.BYTES)
                        .putLong(sums.attended)
                        .putLong(sums.within)
                        .array(),
                (topic, bytes) -> {
                    ByteBuffer buffer = ByteBuffer.wrap(bytes);
                    return new Sums(buffer.getLong(), buffer.getLong());
                });
    }

    /** With one attendance more. */
    Sums with(Attendance attendance) {
        return new Sums(attended + 1, attendance.within() ? within + 1 : within);
    }
}
