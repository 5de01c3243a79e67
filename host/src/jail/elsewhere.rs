//! Systems that have no jail.

use super::{Error, Mode, Places, STATE, State};

/// Does nothing here.
pub fn alone(_: u64) -> Result<(), Error> {
    Ok(())
}

/// Does nothing here.
pub fn build(_: &Places) -> Result<(), Error> {
    Ok(())
}

/// Does nothing here.
pub fn cut_off(_: &Places) -> Result<(), Error> {
    Ok(())
}

/// Refuses what nobody here can give.
pub fn serve(mode: Mode, _: &Places) -> Result<State, Error> {
    if mode == Mode::Require {
        return Err(Error::Incomplete("it is not Linux"));
    }
    Ok(*STATE.get_or_init(|| State {
        mode,
        ..State::OPEN
    }))
}

/// Does nothing here.
pub fn close() -> Result<(), Error> {
    Ok(())
}
