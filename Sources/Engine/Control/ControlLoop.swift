import CaudalModel
import CSystem
import Foundation

/// The thread of ``ControlServer``; everything here runs on it, in sequence.
struct ControlLoop: Sendable {
    let listener: Int32
    let mailbox: ControlMailbox
    /// How long a client may take to send its line, and to read its answer.
    let patience: Duration
    let handler: ControlServer.Handler

    /// The maximum number of connected clients; further clients wait in the kernel's queue.
    private static let clientLimit = 128
    /// How long answers are still delivered after the server stops.
    private static let farewell = Duration.seconds(1)
    /// How long no clients are accepted after the process ran out of descriptors.
    private static let pause = Duration.seconds(1)

    /// A connected client.
    private struct Client {
        let descriptor: Int32
        var input: [UInt8] = []
        var output: [UInt8] = []
        /// Whether one of its commands is being carried out.
        var isBusy = false
        /// Whether it is disconnected once its answer is written.
        var isLast = false
        var deadline: ContinuousClock.Instant
    }

    func run() {
        // A client that disconnects while it is answered must not kill the process: no write may raise SIGPIPE.
        var clients: [UInt64: Client] = [:]
        var next: UInt64 = 1
        var acceptsAgainAt: ContinuousClock.Instant?
        var stopping: (at: ContinuousClock.Instant, done: @Sendable () -> Void)?
        while true {
            let order = Array(clients.keys)
            let acceptsClients = stopping == nil && acceptsAgainAt == nil && clients.count < Self.clientLimit
            var polled = [
                pollfd(fd: mailbox.wake, events: Int16(POLLIN), revents: 0),
                pollfd(fd: acceptsClients ? listener : -1, events: Int16(POLLIN), revents: 0),
            ]
            polled += order.compactMap { clients[$0] }.map {
                pollfd(fd: $0.descriptor, events: pollEvents($0), revents: 0)
            }
            let deadlines =
                clients.values.filter { !$0.isBusy }.map(\.deadline)
                + [acceptsAgainAt, stopping?.at].compactMap(\.self)
            _ = poll(&polled, nfds_t(polled.count), Self.timeout(until: deadlines.min()))
            let now = ContinuousClock.now

            // Cleared before the mail is taken: mail that arrives in between wakes the thread again.
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
            // New answers usually fit into the socket's buffer at once.
            for number in order where clients[number]?.output.isEmpty == false { write(number, &clients, now) }
            if polled[1].revents != 0, stopping == nil { acceptsAgainAt = accept(&clients, &next, now) }
            if let again = acceptsAgainAt, again <= now { acceptsAgainAt = nil }
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
        // Rounded up, or the last part of a millisecond would be a busy loop.
        return Int32(clamping: max(0, (deadline - .now).milliseconds + 1))
    }

    /// One command at a time: the next one is read when the answer to the last one is written.
    private func pollEvents(_ client: Client) -> Int16 {
        if client.isBusy { return 0 }
        return Int16(client.output.isEmpty ? POLLIN : POLLOUT)
    }

    /// Accepts waiting clients.
    ///
    /// - Returns: When to try again, if no more clients can be accepted now.
    private func accept(
        _ clients: inout [UInt64: Client], _ next: inout UInt64, _ now: ContinuousClock.Instant
    ) -> ContinuousClock.Instant? {
        while clients.count < Self.clientLimit {
            let descriptor = cs_socket_accept(listener)
            switch descriptor {
            case 0...:
                clients[next] = Client(descriptor: descriptor, deadline: now + patience)
                next += 1
            // A client of another user, or one that has already disconnected: the next one may be valid.
            case -EPERM, -ECONNABORTED, -EINTR: continue
            case -EAGAIN: return nil
            // Out of descriptors: the socket stays readable, so polling it again at once would be a busy loop.
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
        // A client that disconnects gets no answer; its command is carried out all the same.
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
        readCommand(of: number, &clients, now)
    }

    /// Carries out the next line of a client, if it is complete.
    private func readCommand(of number: UInt64, _ clients: inout [UInt64: Client], _ now: ContinuousClock.Instant) {
        guard var client = clients[number] else { return }
        if let end = client.input.firstIndex(of: 0x0A) {
            let line = client.input[..<end]
            let request = ControlLine.message(ControlRequest.self, line)
            client.input.removeSubrange(...end)
            if let request {
                client.isBusy = true
                carryOut(request, for: number)
            } else {
                refuse("the caudal that runs the run does not know this command", &client, now)
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
        // An unstructured task: the thread cannot wait for the run, which answers after it has recorded the command.
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
        if client.isLast { drop(number, &clients) } else { readCommand(of: number, &clients, now) }
    }

    private func drop(_ number: UInt64, _ clients: inout [UInt64: Client]) {
        if let client = clients.removeValue(forKey: number) { close(client.descriptor) }
    }
}
