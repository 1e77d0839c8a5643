package oversight.peers;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Apache Flink: a tumbling window of a day with {@code aggregate}, on the mini cluster of a local environment.
 *
 * <p>Settings, and where its documentation has them:
 *
 * <pre>
 * enableObjectReuse          "Execution Configuration": no copies between operators of one task
 * aggregate                  "Windows": sums as records come, instead of a list of records
 * tuples                     "Data Types": the serializer that costs least
 * max.poll.records           larger polls, and
 * max.partition.fetch.bytes  4 MiB, as ours has: fewer fetches
 * </pre>
 *
 * <p>Heap state and no checkpoints, as by default. Measured and left as by default: the watermark interval, the size of
 * network buffers, the reader's queue. {@code DataStreamUtils.reinterpretAsKeyedStream} instead of {@code keyBy} cost
 * about a tenth less, but is experimental and right with a parallelism of one only. The clock runs from the first
 * record's value to the last window at the sink: at the end of its input Flink closes all windows.
 */
public final class FlinkPeer {
    private static final Duration DAY = Duration.ofDays(1);
    private static final int POLLED_RECORDS = 5_000;
    private static final int FETCH_BYTES = 4 << 20;

    // Flink makes copies of what it runs; these are shared, since a mini cluster runs in this process.
    private static final Clock CLOCK = new Clock();
    private static final Result RESULT = new Result();

    private FlinkPeer() {}

    /** Run it. */
    public static void main(String[] arguments) throws Exception {
        Task task = Task.told(arguments);
        StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(1);
        environment.getConfig().enableObjectReuse();
        WatermarkStrategy<Stay> departures = WatermarkStrategy.<Stay>forBoundedOutOfOrderness(DAY)
                .withTimestampAssigner((stay, appended) -> stay.departed());
        DataStream<Stay> stays =
                environment.fromSource(source(task), departures, "attendances").filter(Stay::counts);
        stays.keyBy(Stay::organisation)
                .window(TumblingEventTimeWindows.of(DAY))
                .aggregate(new DaySums(), new DaySums.OfWindow())
                .sinkTo(new Days(task.events()));
        environment.execute();
        RESULT.handIn(task, CLOCK);
    }

    private static KafkaSource<Stay> source(Task task) {
        TopicPartition partition = new TopicPartition(task.topic(), 0);
        return KafkaSource.<Stay>builder()
                .setBootstrapServers(task.bootstrap())
                .setTopics(task.topic())
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setBounded(OffsetsInitializer.offsets(Map.of(partition, task.events())))
                .setDeserializer(new Stays())
                .setProperty(ConsumerConfig.MAX_POLL_RECORDS_CONFIG, String.valueOf(POLLED_RECORDS))
                .setProperty(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG, String.valueOf(FETCH_BYTES))
                .build();
    }

    /** Makes a stay of a record; starts the clock at the first. */
    private static final class Stays implements KafkaRecordDeserializationSchema<Stay> {
        private static final long serialVersionUID = 1;

        @Override
        public void deserialize(ConsumerRecord<byte[], byte[]> one, Collector<Stay> out) {
            CLOCK.start();
            String organisation = new String(one.key(), StandardCharsets.UTF_8);
            out.collect(new Stay(organisation, Attendance.decode(one.value())));
        }

        @Override
        public TypeInformation<Stay> getProducedType() {
            return TypeInformation.of(Stay.class);
        }
    }

    /** Keeps the sums of closed windows; stops the clock when the input has ended and all are here. */
    private static final class Days implements Sink<DaySums.Day> {
        private static final long serialVersionUID = 1;

        private final long events;

        Days(long events) {
            this.events = events;
        }

        @Override
        public SinkWriter<DaySums.Day> createWriter(WriterInitContext context) {
            return new Writer(events);
        }

        private record Writer(long events) implements SinkWriter<DaySums.Day> {
            @Override
            public void write(DaySums.Day one, Context context) {
                RESULT.put(one.organisation(), one.start(), one.attended(), one.within());
            }

            @Override
            public void flush(boolean endOfInput) {
                if (endOfInput) {
                    CLOCK.stop(events);
                }
            }

            @Override
            public void close() {
                // nothing is held
            }
        }
    }
}
