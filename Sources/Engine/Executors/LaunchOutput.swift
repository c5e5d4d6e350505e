import CaudalModel
import Foundation

/// Reads what a program of another machine writes to its files.
struct LaunchOutput {
    private let folder: LaunchFolder
    /// How much has been handed on, of both streams.
    private var offsets: [LogStream: Int64] = [.stdout: 0, .stderr: 0]

    /// - Parameter resumes: Goes on behind what another process of Caudal has read.
    init(_ folder: LaunchFolder, resumes: Bool) {
        self.folder = folder
        guard resumes, let text = try? FileText.read(folder.file("read")) else { return }
        let numbers = text.split(separator: " ").compactMap {
            Int64($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        if numbers.count == 2 { offsets = [.stdout: numbers[0], .stderr: numbers[1]] }
    }

    /// Hands on what is new.
    mutating func read(_ output: ProcessReactor.OutputHandler) {
        let news = read(.stdout, output, wholeLines: true) + read(.stderr, output, wholeLines: true)
        guard news > 0 else { return }
        // A note that is lost only repeats lines.
        try? FileText.replace(
            "\(offsets[.stdout] ?? 0) \(offsets[.stderr] ?? 0)\n", at: folder.file("read"))
    }

    /// Hands on the rest, and that there is no more.
    mutating func finish(_ output: ProcessReactor.OutputHandler) {
        for stream in [LogStream.stdout, .stderr] {
            _ = read(stream, output, wholeLines: false)
            output(stream, UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }

    /// - Parameter wholeLines: Leaves the beginning of a line for later, so that a process that goes on from here has it.
    private mutating func read(
        _ stream: LogStream, _ output: ProcessReactor.OutputHandler, wholeLines: Bool
    ) -> Int64 {
        let descriptor = open(folder.file(stream == .stdout ? "stdout" : "stderr"), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        var total: Int64 = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let offset = offsets[stream] ?? 0
            let count = pread(descriptor, &buffer, buffer.count, off_t(offset))
            if count <= 0 { return total }
            var length = count
            if wholeLines, count < buffer.count {
                guard let end = buffer[..<count].lastIndex(of: UInt8(ascii: "\n")) else { return total }
                length = end + 1
            }
            buffer.withUnsafeBytes { output(stream, UnsafeRawBufferPointer(rebasing: $0.prefix(length))) }
            offsets[stream] = offset + Int64(length)
            total += Int64(length)
        }
    }
}
