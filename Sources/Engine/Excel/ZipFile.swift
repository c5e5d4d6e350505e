import CSystem
import CaudalModel
import Foundation

/// The files inside of a zip file, as its directory lists them.
final class ZipFile {
    private struct Member {
        var isPacked: Bool
        var isSupported: Bool
        var packed: UInt64
        var size: UInt64
        var checksum: UInt32
        var header: UInt64
    }

    private let descriptor: Int32
    /// The file's name in messages.
    private let name: String
    private var members: [String: Member] = [:]

    /// Reads the directory of a file.
    ///
    /// - Throws: ``Failure`` when it cannot be opened, or is no whole zip file.
    init(_ path: String, named name: String) throws(Failure) {
        self.name = name
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("\(name) cannot be opened", errno: errno) }
        try readDirectory()
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether it holds a file.
    func has(_ member: String) -> Bool { members[member] != nil }

    /// What gives the bytes of a file inside of it, piece by piece; nothing at its end.
    ///
    /// - Throws: ``Failure`` when there is no such file, or it is packed in an unusual way.
    func reader(of path: String) throws(Failure) -> () throws(Failure) -> [UInt8] {
        guard let member = members[path] else { throw fault("it has no '\(path)'") }
        guard member.isSupported else { throw fault("'\(path)' in it is encrypted, or packed in an unusual way") }
        // The name and what is added to it have a length of their own here.
        let header = try bytes(at: member.header, count: 30)
        guard header.number(0, 4) == 0x0403_4B50 else { throw damaged() }
        let start = member.header + 30 + header.number(26, 2) + header.number(28, 2)
        guard
            let stream = cs_unzip_open(
                descriptor, Int64(start), member.packed, member.size, member.checksum, member.isPacked ? 1 : 0)
        else { throw Failure("there is no memory to read \(name)") }
        let held = Stream(stream)
        return { [self] () throws(Failure) -> [UInt8] in
            let size = 1 << 17
            var count = 0
            let piece = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
                count = cs_unzip_read(held.stream, buffer.baseAddress, size)
                filled = max(0, count)
            }
            if count < 0 { throw damaged() }
            return piece
        }
    }

    private final class Stream {
        let stream: OpaquePointer
        init(_ stream: OpaquePointer) { self.stream = stream }
        deinit { cs_unzip_close(stream) }
    }

    private func fault(_ what: String) -> Failure {
        Failure("\(name) is no Excel file that can be read: \(what)", remedy: "save it as .xlsx")
    }

    private func damaged() -> Failure {
        Failure("\(name) is damaged or cut off", remedy: "have it copied or written again")
    }

    private func bytes(at place: UInt64, count: Int) throws(Failure) -> [UInt8] {
        var found = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = found.withUnsafeMutableBytes { buffer in
                pread(
                    descriptor, UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]).baseAddress, count - filled,
                    off_t(place) + off_t(filled))
            }
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { throw damaged() }
            filled += got
        }
        return found
    }

    private func readDirectory() throws(Failure) {
        let size = UInt64(max(0, lseek(descriptor, 0, SEEK_END)))
        guard size >= 22 else { throw damaged() }
        let beginning = try bytes(at: 0, count: 8)
        if beginning.number(0, 4) == 0xE011_CFD0 {
            throw Failure(
                "\(name) is encrypted, or an Excel file of before 2007", remedy: "save it as .xlsx without a password")
        }
        // The end of the directory stands at the end of the file, before a comment of at most 64 KiB.
        let tail = min(size, 22 + 65535)
        let last = try bytes(at: size - tail, count: Int(tail))
        guard let end = (0...last.count - 22).reversed().first(where: { last.number($0, 4) == 0x0605_4B50 }) else {
            throw beginning.number(0, 2) == 0x4B50 ? damaged() : fault("it is no zip file")
        }
        var (count, length, start) = (last.number(end + 10, 2), last.number(end + 12, 4), last.number(end + 16, 4))
        if count == 0xFFFF || length == 0xFFFF_FFFF || start == 0xFFFF_FFFF, end >= 20,
            last.number(end - 20, 4) == 0x0706_4B50
        {
            let large = try bytes(at: last.number(end - 12, 8), count: 56)
            guard large.number(0, 4) == 0x0606_4B50 else { throw damaged() }
            (count, length, start) = (large.number(32, 8), large.number(40, 8), large.number(48, 8))
        }
        guard length <= size, start <= size - length, length < 1 << 28 else { throw damaged() }
        try readMembers(try bytes(at: start, count: Int(length)), count: count)
    }

    private func readMembers(_ list: [UInt8], count: UInt64) throws(Failure) {
        var place = 0
        for _ in 0..<count {
            guard place + 46 <= list.count, list.number(place, 4) == 0x0201_4B50 else { throw damaged() }
            let (flags, method) = (list.number(place + 8, 2), list.number(place + 10, 2))
            let name = place + 46
            let extra = name + Int(list.number(place + 28, 2))
            let next = extra + Int(list.number(place + 30, 2)) + Int(list.number(place + 32, 2))
            guard next <= list.count else { throw damaged() }
            // Sizes that do not fit their fields stand behind the name, in this order.
            var wide = widened(list, extra, Int(list.number(place + 30, 2)))[...]
            func number(_ offset: Int) -> UInt64 {
                let short = list.number(place + offset, 4)
                return short == 0xFFFF_FFFF ? wide.popFirst() ?? short : short
            }
            let (size, packed, header) = (number(24), number(20), number(42))
            members[String(decoding: list[name..<extra], as: UTF8.self)] = Member(
                isPacked: method == 8, isSupported: flags & 1 == 0 && (method == 0 || method == 8), packed: packed,
                size: size, checksum: UInt32(list.number(place + 16, 4)), header: header)
            place = next
        }
    }

    private func widened(_ list: [UInt8], _ start: Int, _ length: Int) -> [UInt64] {
        var place = start
        while place + 4 <= start + length {
            let size = Int(list.number(place + 2, 2))
            if list.number(place, 2) == 1, place + 4 + size <= list.count {
                return stride(from: 0, to: size - size % 8, by: 8).map { list.number(place + 4 + $0, 8) }
            }
            place += 4 + size
        }
        return []
    }
}

extension [UInt8] {
    /// A number at a place, its lowest byte first; 0 where there are not so many bytes.
    fileprivate func number(_ place: Int, _ size: Int) -> UInt64 {
        guard place >= 0, place + size <= count else { return 0 }
        return self[place..<place + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
