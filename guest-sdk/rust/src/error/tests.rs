use std::num::ParseIntError;

use super::*;

#[derive(Debug)]
struct BadPort(ParseIntError);

impl fmt::Display for BadPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot read the port")
    }
}

impl Error for BadPort {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn a_foreign_error_fails_the_turn_with_its_whole_chain() {
    fn port() -> Result<u16> {
        Ok("http".parse().map_err(BadPort)?)
    }

    let expected = "cannot read the port: invalid digit found in string";
    assert_eq!(port(), Err(AgentError::Failed(expected.to_owned())));
}
