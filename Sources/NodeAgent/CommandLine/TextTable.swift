/// A table in plain text: columns as wide as their widest cell, two blanks between them.
struct TextTable: Sendable {
    enum Alignment: Sendable {
        case left
        case right
    }

    struct Column: Sendable {
        let title: String
        var alignment = Alignment.left
    }

    let columns: [Column]
    /// Cells by row, as many as there are columns. Control characters are replaced when rendered.
    var rows: [[String]] = []

    /// The title line and a line for each row, without trailing blanks. With a `width`, the first column gives way
    /// until the lines fit, and what still does not fit is cut.
    func render(width: Int? = nil) -> [String] {
        var cells = [columns.map(\.title)] + rows.map { $0.map(UsageError.oneLine) }
        var widths = columns.indices.map { index in cells.map { Self.width($0[index]) }.max() ?? 0 }
        if let width, let first = widths.first {
            let rest = widths.dropFirst().reduce(0) { $0 + $1 + 2 }
            widths[0] = min(first, max(width - rest, 12))
            for row in cells.indices { cells[row][0] = Self.shortened(cells[row][0], to: widths[0]) }
        }
        return cells.map { row in
            var line = ""
            for (index, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: max(0, widths[index] - Self.width(cell)))
                if index > 0 { line += "  " }
                line += columns[index].alignment == .left ? cell + padding : padding + cell
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return width.map { String(line.prefix($0)) } ?? line
        }
    }

    private static func width(_ cell: String) -> Int { cell.count }

    /// The end of a container's id says more than its beginning.
    private static func shortened(_ cell: String, to width: Int) -> String {
        cell.count <= width ? cell : "…" + cell.suffix(width - 1)
    }
}
