package import CaudalModel
import CSystem
import Foundation

/// The machine's clocks; only the outermost layer reads them and passes the time down.
package enum SystemClock {
    /// The current time on both clocks.
    package static var now: Moment {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Moment(
            wall: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000, steady: cs_steady_milliseconds())
    }
}

/// Milliseconds since boot.
func cs_steady_milliseconds() -> Int64 { cs_steady_ns() / 1_000_000 }
