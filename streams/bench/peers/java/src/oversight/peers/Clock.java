package oversight.peers;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Wall time, processor time of the whole process (collector and compiler included) and memory, from {@link #start}
 * to {@link #stop}, both on the thread that handles records.
 */
final class Clock {
    private static final double NANOSECONDS = 1e9;
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final CountDownLatch ended = new CountDownLatch(1);
    private boolean started;
    private long wall;
    private long processor;
    private long resident;
    private volatile Map<String, Object> measured;

    /** Start at the first record; harmless at the others. */
    void start() {
        if (!started) {
            started = true;
            resident = statusBytes("VmRSS");
            processor = SYSTEM.getProcessCpuTime();
            wall = System.nanoTime();
        }
    }

    /** Stop when the last record's result is in the state. */
    void stop(long events) {
        long wallNanoseconds = System.nanoTime() - wall;
        long processorNanoseconds = SYSTEM.getProcessCpuTime() - processor;
        Map<String, Object> figures = new LinkedHashMap<>();
        figures.put("events", events);
        figures.put("wall_seconds", wallNanoseconds / NANOSECONDS);
        figures.put("cpu_seconds", processorNanoseconds / NANOSECONDS);
        figures.put("peak_bytes", statusBytes("VmHWM"));
        figures.put("grown_bytes", statusBytes("VmRSS") - resident);
        measured = figures;
        ended.countDown();
    }

    /** Wait no longer for {@link #stop}: what handles records has failed. */
    void fail() {
        ended.countDown();
    }

    /** Wait for {@link #stop}; false when it does not come. */
    boolean awaitStop(long deadlineSeconds) throws InterruptedException {
        return ended.await(deadlineSeconds, TimeUnit.SECONDS) && measured != null;
    }

    /** The figures under the names of {@code streams.bench.measured.Measured}; null when it was not stopped. */
    Map<String, Object> measured() {
        return measured;
    }

    private static long statusBytes(String name) {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith(name)) {
                    return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
                }
            }
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        throw new IllegalStateException("/proc/self/status has no " + name);
    }
}
