import Glibc
import Synchronization

/// The terminal while the live view has it: keys without echo and line ends, a screen of its own, no cursor. `leave`
/// gives it back as it was, from whatever thread ends the view.
final class Terminal: Sendable {
    /// The settings to go back to; nil when the terminal is not taken.
    private let saved = Mutex<termios?>(nil)

    /// Whether both ends are a terminal.
    static var isThere: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

    func enter() {
        saved.withLock { saved in
            var settings = termios()
            guard saved == nil, tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
            saved = settings
            settings.c_lflag &= ~tcflag_t(ICANON | ECHO)
            settings.c_cc.6 = 0  // VMIN and
            settings.c_cc.5 = 0  // VTIME: reads do not wait.
            settings.c_cc.10 = 0  // VSUSP off: a stopped view would leave the terminal like this.
            tcsetattr(STDIN_FILENO, TCSANOW, &settings)
            StandardStreams.write(Array("\u{1B}[?1049h\u{1B}[?25l".utf8), to: STDOUT_FILENO)
        }
    }

    /// Once is enough, more often does nothing.
    func leave() {
        saved.withLock { saved in
            guard var settings = saved else { return }
            saved = nil
            StandardStreams.write(Array("\u{1B}[?25h\u{1B}[?1049l".utf8), to: STDOUT_FILENO)
            tcsetattr(STDIN_FILENO, TCSANOW, &settings)
        }
    }

    /// Paints `lines` over the whole screen; the second, the titles, in inverse video. Nothing after `leave`.
    func paint(_ lines: [String]) {
        var text = "\u{1B}[H"
        for (index, line) in lines.enumerated() {
            if index > 0 { text += "\n" }
            text += index == 1 ? "\u{1B}[7m\(line)\u{1B}[0m\u{1B}[K" : "\(line)\u{1B}[K"
        }
        text += "\u{1B}[J"
        saved.withLock { saved in
            if saved != nil { StandardStreams.write(Array(text.utf8), to: STDOUT_FILENO) }
        }
    }

    /// Columns and lines; 80 and 24 where the terminal does not know.
    var size: (width: Int, height: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
            return (80, 24)
        }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Waits up to `milliseconds` for a key.
    func key(within milliseconds: Int) -> Character? {
        var entry = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, Int32(clamping: milliseconds)) > 0 else { return nil }
        var byte: UInt8 = 0
        // The end of the input counts as quitting: nobody can press a key any more.
        guard read(STDIN_FILENO, &byte, 1) == 1 else { return "q" }
        return Character(UnicodeScalar(byte))
    }
}
