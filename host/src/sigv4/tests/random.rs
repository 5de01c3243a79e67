//! Chance that comes the same way each time.

use super::fixtures::Request;
use hyper::http::HeaderMap;

/// A xorshift: good enough to be awkward.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn text(&mut self, from: &str, most: usize) -> String {
        let from: Vec<char> = from.chars().collect();
        (0..self.below(most)).map(|_| self.pick(&from)).collect()
    }

    /// Encoded as clients encode: all but unreserved characters, and those in `safe`.
    fn encoded(&mut self, safe: &str, most: usize) -> String {
        let text = self.text("azAZ09-._~ !$&'()*+,;=:@/?%#[]{}|\"<>^`\\éß名🦀", most);
        let mut out = String::new();
        for c in text.chars() {
            if c.is_ascii_alphanumeric() || "-._~".contains(c) || safe.contains(c) {
                out.push(c);
            } else {
                for byte in c.to_string().bytes() {
                    out.push_str(&format!("%{byte:02X}"));
                }
            }
        }
        out
    }

    /// A request as awkward as its syntax permits.
    pub(super) fn request(&mut self) -> Request {
        let mut path = String::new();
        for _ in 0..self.below(6) {
            path.push('/');
            match self.below(6) {
                0 => path.push_str(self.pick(&["", ".", "..", "%2E%2E", "%2F"])),
                1 | 2 => path.push_str(&self.encoded("!$&'()*+,;=:@", 8)),
                _ => path.push_str(&self.encoded("", 12)),
            }
        }
        // The two oracles do not agree on dots at the very end; clients never send them.
        path.push_str(self.pick(&["/", "/end", "/end/"]));

        let mut pairs = Vec::new();
        for _ in 0..self.below(5) {
            let name = match self.below(3) {
                0 => "a".to_owned(),
                _ => format!("n{}", self.encoded("", 6)),
            };
            pairs.push(match self.below(4) {
                0 => name,
                _ => format!("{name}={}", self.encoded("", 8)),
            });
        }

        let mut request = Request {
            method: self.pick(&["GET", "POST", "PUT", "DELETE"]).to_owned(),
            path,
            query: pairs.join("&"),
            headers: HeaderMap::new(),
            body: self.text("a{}\" 名", 30).into_bytes(),
        };
        request.set("host", "127.0.0.1:8080");
        for _ in 0..self.below(8) {
            let name = self.pick(&[
                "x-amzn-bedrock-agentcore-runtime-session-id",
                "x-amzn-bedrock-agentcore-runtime-custom-a",
                "x-amz-meta",
                "mcp-session-id",
                "content-type",
                "accept",
                "x-custom",
            ]);
            let value = self.text("azAZ09   =:;,\"é名", 16);
            request.add(name, &value);
        }
        request
    }
}
