//! What happens to messages on the way.

use crate::random::Random;

/// Where the body begins.
fn body_start(message: &[u8]) -> usize {
    message.windows(4).position(|window| window == b"\r\n\r\n").map_or(message.len(), |at| at + 4)
}

/// The fields of a header block, with their line ends.
fn fields(header: &[u8]) -> Vec<Vec<u8>> {
    let mut fields: Vec<Vec<u8>> = Vec::new();
    for line in header.split_inclusive(|c| *c == b'\n') {
        match fields.last_mut() {
            Some(last) if line.starts_with(b" ") || line.starts_with(b"\t") => last.extend_from_slice(line),
            _ => fields.push(line.to_vec()),
        }
    }
    fields
}

impl Random {
    /// Changes the message in one way, or leaves it.
    pub(crate) fn damage(&mut self, message: &[u8]) -> Vec<u8> {
        let start = body_start(message);
        let has_body = start < message.len() || message.ends_with(b"\r\n\r\n");
        let (header, body) = message.split_at(start);
        match self.below(5) {
            0 => self.damage_octet(message),
            1 | 2 if has_body => [header, &self.damage_body(body)[..]].concat(),
            _ => {
                let end = if has_body { header.len() - 2 } else { header.len() };
                let (block, separator) = header.split_at(end);
                [&self.damage_header(block)[..], separator, body].concat()
            }
        }
    }

    fn damage_octet(&mut self, message: &[u8]) -> Vec<u8> {
        let mut message = message.to_vec();
        if message.is_empty() {
            return message;
        }
        let at = self.below(message.len());
        // Line ends stay what they are: what a bare CR or LF means is another question.
        if !matches!(message[at], b'\r' | b'\n') {
            match self.below(3) {
                0 => message[at] = b"aZ0 ;:=<@"[self.below(9)],
                1 => message.insert(at, b"aZ0 ;:=<@"[self.below(9)]),
                _ => drop(message.remove(at)),
            }
        }
        message
    }

    fn damage_body(&mut self, body: &[u8]) -> Vec<u8> {
        let footer = &b"_____\r\nlist footer\r\n"[..];
        match self.below(9) {
            7 => [body, b"end "].concat(),
            0 => [body, footer].concat(),
            1 => [body, b"\r\n\r\n"].concat(),
            2 => [footer, body].concat(),
            3 => [body.trim_ascii_end(), b"\r\n"].concat(),
            4 => String::from_utf8_lossy(body).replace("  ", " ").into_bytes(),
            5 => String::from_utf8_lossy(body).replace("\r\n", " \r\n").into_bytes(),
            6 => body[..self.below(body.len() + 1)].to_vec(),
            _ => String::from_utf8_lossy(body).replace("Hi.", "Bye.").into_bytes(),
        }
    }

    fn damage_header(&mut self, block: &[u8]) -> Vec<u8> {
        let mut fields = fields(block);
        if fields.is_empty() {
            return block.to_vec();
        }
        let at = self.below(fields.len());
        let other = self.below(fields.len());
        match self.below(15) {
            12 => fields[at] = String::from_utf8_lossy(&fields[at]).replace("==", "=").into_bytes(),
            13 => fields[at] = String::from_utf8_lossy(&fields[at]).replacen(": ", ":", 1).into_bytes(),
            0 => drop(fields.remove(at)),
            1 => fields.swap(at, other),
            2 => fields.insert(at, fields[other].clone()),
            3 => fields.insert(0, b"Received: from a by b; Mon, 4 May 2026 10:00:00 +0000\r\n".to_vec()),
            4 => fields.insert(0, b"Subject: another\r\n".to_vec()),
            5 => fields.push(b"List-Id: <list.list.example>\r\n".to_vec()),
            6 => fields[at] = String::from_utf8_lossy(&fields[at]).replace(' ', "  ").into_bytes(),
            7 => fields[at] = String::from_utf8_lossy(&fields[at]).replacen(": ", ":\r\n ", 1).into_bytes(),
            8 => {
                fields[at] = String::from_utf8_lossy(&fields[at]).replacen(": ", ": [list] ", 1).into_bytes()
            }
            9 => {
                let colon = fields[at].iter().position(|c| *c == b':').unwrap_or_default();
                fields[at][..colon].make_ascii_uppercase();
            }
            10 => fields.retain(|field| !field.starts_with(b"ARC-Seal")),
            11 => {
                let (from, to) = [
                    ("i=1", "i=2"),
                    ("i=2", "i=1"),
                    ("i=1", "i=0"),
                    ("cv=none", "cv=pass"),
                    ("cv=pass", "cv=none"),
                ][self.below(5)];
                fields[at] = String::from_utf8_lossy(&fields[at]).replace(from, to).into_bytes();
            }
            _ => fields[at] = String::from_utf8_lossy(&fields[at]).replace("; ", ";\r\n\t").into_bytes(),
        }
        fields.concat()
    }
}
