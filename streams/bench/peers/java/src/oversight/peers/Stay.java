package oversight.peers;

import org.apache.flink.api.java.tuple.Tuple4;

/** An attendance with its organisation, as a tuple: what Flink sends from task to task at the least cost. */
public final class Stay extends Tuple4<String, Long, Boolean, Boolean> {
    private static final long serialVersionUID = 1;

    /** For Flink, which fills the fields itself. */
    public Stay() {}

    Stay(String organisation, Attendance attendance) {
        super(organisation, attendance.departed(), attendance.counts(), attendance.within());
    }

    String organisation() {
        return f0;
    }

    long departed() {
        return f1;
    }

    boolean counts() {
        return f2;
    }

    boolean within() {
        return f3;
    }
}
