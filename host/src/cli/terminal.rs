//! What strangers wrote, on a terminal: it is shown, and steers nothing.
//!
//! Agents, their callers and their authors write texts that commands print: answers, logs, errors, names. On a terminal a
//! control character among them could move the cursor, set the title, or put words into the clipboard; and one that turns the
//! direction of writing could make a line look like another. So on a terminal they are shown by their numbers. What goes
//! into a file or a pipe is left as it is.

use std::io::{self, IsTerminal, Write};

/// A text with its control characters shown as `\u{…}`. Line ends and tabs stay.
pub(super) fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match steers(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    shown
}

fn steers(c: char) -> bool {
    let lays_out = matches!(c, '\n' | '\t');
    let turns = matches!(c,
        '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = matches!(c, '\u{2028}' | '\u{2029}');
    (c.is_control() && !lays_out) || turns || breaks
}

/// An output for bytes that come piece by piece.
pub(super) struct Shown<W> {
    out: W,
    /// Whether somebody looks at it.
    is_terminal: bool,
    /// The beginning of a character that the next piece ends.
    begun: Vec<u8>,
}

impl<W: Write + IsTerminal> Shown<W> {
    pub(super) fn on(out: W) -> Self {
        let is_terminal = out.is_terminal();
        Self {
            out,
            is_terminal,
            begun: Vec::new(),
        }
    }
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_terminal {
            return self.out.write(bytes);
        }
        self.begun.extend_from_slice(bytes);
        let whole = whole(&self.begun);
        let later = self.begun.split_off(whole);
        let text = std::mem::replace(&mut self.begun, later);
        let text = harmless(&String::from_utf8_lossy(&text));
        self.out.write_all(text.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// How many of the bytes come before a character that is not all there yet.
fn whole(bytes: &[u8]) -> usize {
    let is_lead = |byte: &u8| *byte >= 0xc0;
    let end = bytes.len().saturating_sub(3);
    let Some(lead) = bytes[end..].iter().rposition(is_lead) else {
        return bytes.len();
    };
    match std::str::from_utf8(&bytes[end + lead..]) {
        Err(error) if error.error_len().is_none() => end + lead,
        Ok(_) | Err(_) => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [(&str, &str); 7] = [
        ("\x1b]52;c;ZXZpbA==\x07", "\\u{1b}]52;c;ZXZpbA==\\u{7}"),
        (
            "\x1b]8;;http://evil\x1b\\",
            "\\u{1b}]8;;http://evil\\u{1b}\\",
        ),
        ("done\r\x1b[2Kroot#", "done\\u{d}\\u{1b}[2Kroot#"),
        ("\u{9b}31m\u{7f}\0", "\\u{9b}31m\\u{7f}\\u{0}"),
        ("a\u{202e}b\u{2066}c", "a\\u{202e}b\\u{2066}c"),
        ("one\ttwo\nthree", "one\ttwo\nthree"),
        ("=cmd()|<script>é€😀", "=cmd()|<script>é€😀"),
    ];

    #[test]
    fn what_steers_a_terminal_is_shown_by_its_number() {
        for (text, shown) in HOSTILE {
            assert_eq!(harmless(text), shown);
        }
    }

    fn written(is_terminal: bool, pieces: &[&[u8]]) -> Vec<u8> {
        let mut shown = Shown {
            out: Vec::new(),
            is_terminal,
            begun: Vec::new(),
        };
        for piece in pieces {
            shown.write_all(piece).unwrap();
        }
        shown.out
    }

    #[test]
    fn pieces_are_shown_as_their_whole_wherever_they_are_cut() {
        for (text, shown) in HOSTILE {
            for cut in 0..=text.len() {
                let (first, second) = text.as_bytes().split_at(cut);
                assert_eq!(written(true, &[first, second]), shown.as_bytes());
                assert_eq!(written(false, &[first, second]), text.as_bytes());
            }
            let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            assert_eq!(written(true, &bytes), shown.as_bytes());
        }
    }

    #[test]
    fn what_is_no_text_is_shown_as_such() {
        assert_eq!(
            written(true, &[b"a\xff", b"\x1b"]),
            "a\u{fffd}\\u{1b}".as_bytes()
        );
        assert_eq!(written(true, &[b"\xf0\x9f", b"x"]), "\u{fffd}x".as_bytes());
        assert_eq!(written(false, &[b"a\xff\x1b"]), b"a\xff\x1b");
    }
}
