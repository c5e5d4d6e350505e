import CSystem
import Foundation

/// The thread of ``ControlServer``: everything here happens on it, one thing after the other.
struct ControlLoop: Sendable {
    let listener: Int32
    let mailbox: ControlMailbox
    /// How long a client has to send its line, and to take its answer.
    let patience: Duration
    let handler: ControlServer.Handler

    /// How many may be connected at once; the others wait in the kernel.
    private static let clientLimit = 128
    /// How long answers are handed out once the server stops.
    private static let farewell = Duration.seconds(1)
    /// How long nobody is let in after the process ran out of descriptors.
    private static let pause = Duration.seconds(1)

    /// Somebody who is connected.
    private struct Client {
        let descriptor: Int32
        var input: [UInt8] = []
        var output: [UInt8] = []
        /// Whether a command of it is being carried out.
        var isBusy = false
        /// Whether it is let go once its answer is written.
        var isLast = false
        var deadline: ContinuousClock.Instant
    }

    func run() {
        // A client that hangs up while it is answered must not end the process: every write says so itself.
        var clients: [UInt64: Client] = [:]
        var next: UInt64 = 1
        var opensAgain: ContinuousClock.Instant?
        var stopping: (at: ContinuousClock.Instant, done: @Sendable () -> Void)?
        while true {
            let order = Array(clients.keys)
            let takesMore = stopping == nil && opensAgain == nil && clients.count < Self.clientLimit
            var polled = [
                pollfd(fd: mailbox.wake, events: Int16(POLLIN), revents: 0),
                pollfd(fd: takesMore ? listener : -1, events: Int16(POLLIN), revents: 0),
            ]
            polled += order.compactMap { clients[$0] }.map {
                pollfd(fd: $0.descriptor, events: interest($0), revents: 0)
            }
            let deadlines =
                clients.values.filter { !$0.isBusy }.map(\.deadline) + [opensAgain, stopping?.at].compactMap(\.self)
            _ = poll(&polled, nfds_t(polled.count), Self.timeout(until: deadlines.min()))
            let now = ContinuousClock.now

            // Cleared before the mail is taken: what comes in between wakes the thread again.
            if polled[0].revents != 0 { cs_wake_clear(mailbox.wake) }
            for mail in mailbox.take() {
                switch mail {
                case .answer(let number, let answer):
                    clients[number]?.isBusy = false
                    clients[number]?.output = ControlLine.bytes(ControlReply(answer))
                    clients[number]?.deadline = now + patience
                case .stop(let done):
                    stopping = (now + Self.farewell, done)
                    close(listener)
                }
            }
            for (number, place) in zip(order, polled.dropFirst(2)) where place.revents != 0 {
                serve(number, place.revents, &clients, now)
            }
            // Answers that have just come usually fit into the socket at once.
            for number in order where clients[number]?.output.isEmpty == false { write(number, &clients, now) }
            if polled[1].revents != 0, stopping == nil { opensAgain = accept(&clients, &next, now) }
            if let again = opensAgain, again <= now { opensAgain = nil }
            for (number, client) in clients where !client.isBusy && client.deadline <= now { drop(number, &clients) }
            if let stopping, stopping.at <= now || !clients.values.contains(where: { $0.isBusy || !$0.output.isEmpty })
            {
                for number in clients.keys { drop(number, &clients) }
                mailbox.close()
                return stopping.done()
            }
        }
    }

    private static func timeout(until deadline: ContinuousClock.Instant?) -> Int32 {
        guard let deadline else { return -1 }
        // A part of a millisecond counts whole, or the last one would be spent going in circles.
        return Int32(clamping: max(0, (deadline - .now).milliseconds + 1))
    }

    /// One thing at a time: the next command is read when the last one's answer is written.
    private func interest(_ client: Client) -> Int16 {
        if client.isBusy { return 0 }
        return Int16(client.output.isEmpty ? POLLIN : POLLOUT)
    }

    /// Lets those in who wait.
    ///
    /// - Returns: When to try again, where nobody more can be let in now.
    private func accept(
        _ clients: inout [UInt64: Client], _ next: inout UInt64, _ now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant? {
        while clients.count < Self.clientLimit {
            let descriptor = cs_socket_accept(listener)
            switch descriptor {
            case 0...:
                clients[next] = Client(descriptor: descriptor, deadline: now + patience)
                next += 1
            // Another user, or one who has gone already: the next one may be welcome.
            case -EPERM, -ECONNABORTED, -EINTR: continue
            case -EAGAIN: return nil
            // Out of descriptors: the socket stays readable, and looking again at once would be looking for ever.
            default: return now + Self.pause
            }
        }
        return nil
    }

    private func serve(
        _ number: UInt64, _ events: Int16, _ clients: inout [UInt64: Client], _ now: ContinuousClock.Instant
    ) {
        guard let client = clients[number] else { return }
        if events & Int16(POLLIN) != 0, !client.isBusy, client.output.isEmpty { return read(number, &clients, now) }
        // Whoever hangs up gets no answer; what was asked for is done all the same.
        if events & Int16(POLLHUP | POLLERR | POLLNVAL) != 0 { drop(number, &clients) }
    }

    private func read(_ number: UInt64, _ clients: inout [UInt64: Client], _ now: ContinuousClock.Instant) {
        guard var client = clients[number] else { return }
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let count = recv(client.descriptor, &buffer, buffer.count, 0)
        if count < 0, [EAGAIN, EINTR].contains(errno) { return }
        guard count > 0 else { return drop(number, &clients) }
        client.input += buffer[..<count]
        clients[number] = client
        takeLine(of: number, &clients, now)
    }

    /// Carries out the next line that a client has sent, if it is whole.
    private func takeLine(of number: UInt64, _ clients: inout [UInt64: Client], _ now: ContinuousClock.Instant) {
        guard var client = clients[number] else { return }
        if let end = client.input.firstIndex(of: 0x0A) {
            let line = client.input[..<end]
            let request = ControlLine.message(ControlRequest.self, line)
            client.input.removeSubrange(...end)
            if let request {
                client.isBusy = true
                carryOut(request, for: number)
            } else {
                refuse("that is no command that this caudal (the one that runs the run) knows", &client, now)
            }
        } else if client.input.count > ControlRequest.lineLimit {
            refuse("a command has at most \(ControlRequest.lineLimit) bytes", &client, now)
        }
        clients[number] = client
        if !client.output.isEmpty { write(number, &clients, now) }
    }

    private func refuse(_ text: String, _ client: inout Client, _ now: ContinuousClock.Instant) {
        client.input = []
        client.output = ControlLine.bytes(ControlReply(.refused(text)))
        client.isLast = true
        client.deadline = now + patience
    }

    private func carryOut(_ request: ControlRequest, for number: UInt64) {
        let (mailbox, handler) = (mailbox, handler)
        let by = request.name
        // The edge of the program: the thread cannot wait for the run, which answers when it has recorded.
        Task { mailbox.post(.answer(client: number, await handler(request.command, by))) }
    }

    private func write(_ number: UInt64, _ clients: inout [UInt64: Client], _ now: ContinuousClock.Instant) {
        guard var client = clients[number] else { return }
        let count = client.output.withUnsafeBytes {
            send(client.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count < 0 {
            if ![EAGAIN, EINTR].contains(errno) { drop(number, &clients) }
            return
        }
        client.output.removeFirst(count)
        if client.output.isEmpty { client.deadline = now + patience }
        clients[number] = client
        guard client.output.isEmpty else { return }
        if client.isLast { drop(number, &clients) } else { takeLine(of: number, &clients, now) }
    }

    private func drop(_ number: UInt64, _ clients: inout [UInt64: Client]) {
        if let client = clients.removeValue(forKey: number) { close(client.descriptor) }
    }
}
