import CaudalModel

/// Shell of other machines, as any POSIX shell runs it.
enum SSHScripts {
    /// Runs a program in a group of its own, and reads meanwhile what it is told.
    ///
    /// It ends with its connection, and when nothing was heard over that for a while: a network that is cut gives no notice.
    static func run(_ launch: LaunchFolder, grace: Int, silence: Int) -> String {
        let step = max(1, silence / 20)
        return """
            exec 3<&0
            \(launch.take)
            lost=; n=0
            end() {
              [ -z "$lost" ] || return
              lost=1; kill -TERM "-$c"; (sleep \(grace); kill -KILL "-$c") > /dev/null 2>&1 3<&- & k=$!
            }
            # Each word begins the time anew.
            trap 'n=0' USR1
            trap 'n=$((n + \(step))); [ $n -lt \(silence) ] || end' ALRM
            trap end HUP
            \(launch.start) 3<&- & c=$!
            (while sleep \(step) && kill -ALRM $$; do :; done) > /dev/null 2>&1 3<&- & t=$!
            (
              while read -r word <&3; do
                if [ "$word" = \(heartbeat) ]; then kill -USR1 $$; else kill "-$word" "-$c"; fi
              done
              kill -HUP $$
            ) > /dev/null 2>&1 & w=$!
            # A signal ends a wait before the program has ended: it is still there then, or waits for the next one.
            while wait $c; rc=$?; kill -0 $c 2> /dev/null; do :; done
            \(launch.endRest(grace: grace))
            # A program that was ended because nobody waits for it has no result.
            [ "$lost" ] || { \(launch.record); }
            kill $w $t $k 2> /dev/null
            exit $rc
            """
    }

    /// The word that says only that somebody is there.
    static let heartbeat = "beat"

    /// The exit status of ``settle(_:expecting:grace:)`` when the machine cannot tell, and why is on standard error.
    static let unable: Int32 = 74

    /// Ends everything that carries one of the marks, and says so.
    ///
    /// - Parameter name: What the machine that began it calls itself; nil where that is not known.
    static func settle(_ marks: [String], expecting name: String?, grace: Int) -> String {
        // In two parts, so that nothing that is part of this question is found by it.
        let texts = marks.map { mark in
            let half = mark.index(mark.startIndex, offsetBy: mark.count / 2)
            return "'\(mark[..<half])''\(mark[half...])'"
        }
        return """
            n=\(ShellText.quoted(name ?? ""))
            [ "${n:-$(hostname)}" = "$(hostname)" ] || { echo "it is $(hostname) now, and not $n" >&2; exit \(unable); }
            [ -r /proc/self/environ ] && echo x | grep -zq x || { echo "its processes cannot be looked at" >&2; exit \(unable); }
            list() {
              printf '%s\\n' \(texts.joined(separator: " ")) | grep -lzFf - /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2> /dev/null \\
                | cut -d/ -f3 | sort -u
            }
            tell() { for i in $p; do kill "-$1" "-$i" "$i"; done 2> /dev/null; }
            p=$(list); [ "$p" ] || exit 0
            tell TERM; n=0
            while sleep 1; p=$(list); [ "$p" ]; do
              n=$((n + 1))
              [ $n -lt \(grace) ] || tell KILL
              [ $n -lt \(grace + 10) ] || { echo "it does not end: process" $p >&2; exit \(unable); }
            done
            echo ended
            """
    }
}
