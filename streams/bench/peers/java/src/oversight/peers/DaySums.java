package oversight.peers;

import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** What Flink keeps for an organisation and a day: how many attended, and how many stayed at most four hours. */
public final class DaySums implements AggregateFunction<Stay, Tuple2<Long, Long>, Tuple2<Long, Long>> {
    private static final long serialVersionUID = 1;

    @Override
    public Tuple2<Long, Long> createAccumulator() {
        return Tuple2.of(0L, 0L);
    }

    @Override
    public Tuple2<Long, Long> add(Stay stay, Tuple2<Long, Long> sums) {
        sums.f0++;
        if (stay.within()) {
            sums.f1++;
        }
        return sums;
    }

    @Override
    public Tuple2<Long, Long> getResult(Tuple2<Long, Long> sums) {
        return sums;
    }

    @Override
    public Tuple2<Long, Long> merge(Tuple2<Long, Long> one, Tuple2<Long, Long> other) {
        return Tuple2.of(one.f0 + other.f0, one.f1 + other.f1);
    }

    /** A closed window. */
    public static final class Day extends Tuple4<String, Long, Long, Long> {
        private static final long serialVersionUID = 1;

        /** For Flink, which fills the fields itself. */
        public Day() {}

        Day(String organisation, long start, Tuple2<Long, Long> sums) {
            super(organisation, start, sums.f0, sums.f1);
        }

        String organisation() {
            return f0;
        }

        long start() {
            return f1;
        }

        long attended() {
            return f2;
        }

        long within() {
            return f3;
        }
    }

    /** Adds organisation and day to the sums of a window that closes. */
    public static final class OfWindow extends ProcessWindowFunction<Tuple2<Long, Long>, Day, String, TimeWindow> {
        private static final long serialVersionUID = 1;

        @Override
        public void process(
                String organisation, Context context, Iterable<Tuple2<Long, Long>> sums, Collector<Day> out) {
            out.collect(new Day(organisation, context.window().getStart(), sums.iterator().next()));
        }
    }
}
