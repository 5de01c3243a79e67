//! How much one may have of something that all share, such as slots, memory or connections.
//!
//! One may have so many times what is free: three quarters of everything who is the only one, and less the more others there
//! are. Something is always left for the next one who comes. (Known of switches as dynamic thresholds, where queues share a
//! buffer: A. K. Choudhury and E. L. Hahne, 1998.)

const TIMES_FREE: u64 = 3;

/// Whether who has so much leaves enough for others, when so much is free.
pub(crate) fn leaves_enough(own: u64, free: u64) -> bool {
    own <= TIMES_FREE.saturating_mul(free)
}

/// What one may have of everything at most.
pub(crate) fn most(all: u64) -> u64 {
    all - all / (TIMES_FREE + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_alone_gets_three_quarters_and_each_later_one_less_and_something_is_left() {
        let (mut free, mut had) = (1_024, Vec::new());
        for _ in 0..4 {
            let mut own = 0;
            while free > 0 && leaves_enough(own + 1, free - 1) {
                (own, free) = (own + 1, free - 1);
            }
            had.push(own);
        }
        assert_eq!(had, [768, 192, 48, 12]);
        assert_eq!(most(1_024), 768);
        assert!(leaves_enough(u64::MAX, u64::MAX));
        assert!(!leaves_enough(1, 0));
    }
}
