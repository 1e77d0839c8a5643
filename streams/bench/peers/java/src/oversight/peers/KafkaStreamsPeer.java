package oversight.peers;

import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/**
 * Kafka Streams: a tumbling window of a day with {@code aggregate}, in memory or in RocksDB.
 *
 * <p>Settings, and where its documentation has them ("Configuring a Streams Application", "Memory Management"):
 *
 * <pre>
 * max.poll.records, buffered.records.per.partition   longer stretches without a poll or a pause of the partition
 * max.partition.fetch.bytes                          4 MiB, as ours has: fewer fetches
 * withCachingDisabled, in memory                     the record cache saves writes, which cost nothing there
 * withLoggingDisabled                                no changelog: the input is read again instead
 * </pre>
 *
 * <p>Measured and left as by default: the commit interval, fetch.min.bytes, and the record cache before RocksDB, which
 * gains there and holds all that this workload keeps. Attendances are read with Jackson's streaming parser: see
 * {@link Attendance}. The clock runs from the first record's value until the last record has gone through the window.
 * Organisations are the records' keys, so that nothing is sent round through a repartition topic.
 */
public final class KafkaStreamsPeer {
    private static final String STORE = "days";
    private static final Duration DAY = Duration.ofDays(1);
    private static final Duration GRACE = Duration.ofDays(31);
    private static final long DEADLINE_SECONDS = 840;
    private static final int POLLED_RECORDS = 5_000;
    private static final int BUFFERED_RECORDS = 10_000;
    private static final int FETCH_BYTES = 4 << 20;

    private KafkaStreamsPeer() {}

    /** Run it. */
    public static void main(String[] arguments) throws Exception {
        Result result = new Result();
        Task task = Task.told(arguments);
        Clock clock = new Clock();
        try (StateDirectory state = new StateDirectory(task);
                KafkaStreams streams = new KafkaStreams(topology(task, clock), settings(task, state))) {
            streams.setUncaughtExceptionHandler(error -> {
                error.printStackTrace();
                clock.fail();
                return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
            });
            streams.start();
            if (clock.awaitStop(DEADLINE_SECONDS)) {
                read(streams, result);
            }
        }
        result.handIn(task, clock);
    }

    private static Topology topology(Task task, Clock clock) {
        Deserializer<Attendance> decode = (topic, value) -> {
            clock.start();
            return Attendance.decode(value);
        };
        Serde<Attendance> attendances = Serdes.serdeFrom(
                (topic, value) -> {
                    throw new UnsupportedOperationException("nothing writes attendances");
                },
                decode);
        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(
                        task.topic(),
                        Consumed.with(Serdes.String(), attendances).withTimestampExtractor(KafkaStreamsPeer::departed))
                .processValues(() -> new Counted(task.events(), clock))
                .filter((organisation, attendance) -> attendance.counts())
                .groupByKey(Grouped.with(Serdes.String(), attendances))
                .windowedBy(TimeWindows.ofSizeAndGrace(DAY, GRACE))
                .aggregate(() -> Sums.NONE, (organisation, attendance, sums) -> sums.with(attendance), store(task));
        return builder.build();
    }

    private static Materialized<String, Sums, WindowStore<Bytes, byte[]>> store(Task task) {
        Duration kept = GRACE.plus(DAY);
        Materialized<String, Sums, WindowStore<Bytes, byte[]>> store = switch (task.contender()) {
            case "kafka_streams_memory" -> Materialized.<String, Sums>as(
                            Stores.inMemoryWindowStore(STORE, kept, DAY, false))
                    .withCachingDisabled();
            case "kafka_streams_rocksdb" -> Materialized.<String, Sums>as(
                    Stores.persistentWindowStore(STORE, kept, DAY, false));
            default -> throw new IllegalArgumentException(task.contender() + " is no store of Kafka Streams");
        };
        return store.withKeySerde(Serdes.String()).withValueSerde(Sums.serde()).withLoggingDisabled();
    }

    private static long departed(ConsumerRecord<Object, Object> consumed, long partitionTime) {
        return ((Attendance) consumed.value()).departed();
    }

    private static Properties settings(Task task, StateDirectory state) {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, state.path().getFileName().toString());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, task.bootstrap());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, state.path().toString());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        settings.put(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, POLLED_RECORDS);
        settings.put(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, FETCH_BYTES);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, BUFFERED_RECORDS);
        return settings;
    }

    private static void read(KafkaStreams streams, Result result) {
        try (KeyValueIterator<Windowed<String>, Sums> windows = streams.store(
                        StoreQueryParameters.fromNameAndType(STORE, QueryableStoreTypes.<String, Sums>windowStore()))
                .all()) {
            windows.forEachRemaining(window -> result.put(
                    window.key.key(), window.key.window().start(), window.value.attended(), window.value.within()));
        }
    }

    /** Counts records when all that follows has been done for them, and stops the clock at the last. */
    private static final class Counted extends ContextualFixedKeyProcessor<String, Attendance, Attendance> {
        private final long events;
        private final Clock clock;
        private long handled;

        Counted(long events, Clock clock) {
            this.events = events;
            this.clock = clock;
        }

        @Override
        public void process(FixedKeyRecord<String, Attendance> one) {
            context().forward(one);
            if (++handled == events) {
                clock.stop(events);
            }
        }
    }
}
