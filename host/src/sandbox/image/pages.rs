//! Which pages of a memory its instance has written: the kernel knows, and says so without any set-up.

use std::fs::File;
use std::ops::Range;
use std::sync::LazyLock;

use rustix::ioctl::{Updater, ioctl, opcode};

/// The argument of `PAGEMAP_SCAN`, `struct pm_scan_arg` of Linux 6.7.
#[repr(C)]
#[derive(Default)]
struct Scan {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    /// Where the scan stopped: at the end, or where there was no more room for regions.
    walk_end: u64,
    regions: u64,
    regions_length: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

const PAGEMAP_SCAN: rustix::ioctl::Opcode = opcode::read_write::<Scan>(b'f', 16);
/// It is a page of a file: of the program's own image, which nobody wrote to.
const IS_FILE: u64 = 1 << 2;
const IS_PRESENT: u64 = 1 << 3;
const IS_SWAPPED: u64 = 1 << 4;
/// It is the page of zeros that all processes share.
const IS_ZERO: u64 = 1 << 5;

const REGIONS: usize = 512;

static PAGEMAP: LazyLock<Option<File>> = LazyLock::new(|| File::open("/proc/self/pagemap").ok());

/// Opens what [`written`] asks, which a process that has closed itself to debuggers cannot.
pub(in crate::sandbox) fn prepare() {
    LazyLock::force(&PAGEMAP);
}

/// The parts of `memory`, which begins on a page, that this process has pages of its own for, as offsets in order. All
/// the rest is as it was when the memory was mapped. None when the kernel does not say: it is older than Linux 6.7, or
/// forbids to ask.
pub(super) fn written(memory: &[u8]) -> Option<Vec<Range<usize>>> {
    let file = PAGEMAP.as_ref()?;
    let base = memory.as_ptr() as u64;
    let end = base + memory.len() as u64;
    let mut start = base;
    let mut written = Vec::new();
    let mut regions = vec![Region::default(); REGIONS];
    while start < end {
        let mut scan = Scan {
            size: size_of::<Scan>() as u64,
            start,
            end,
            regions: regions.as_mut_ptr() as u64,
            regions_length: regions.len() as u64,
            category_inverted: IS_FILE | IS_ZERO,
            category_mask: IS_FILE | IS_ZERO,
            category_anyof_mask: IS_PRESENT | IS_SWAPPED,
            return_mask: IS_PRESENT,
            ..Scan::default()
        };
        regions.fill(Region::default());
        #[expect(unsafe_code, reason = "no crate wraps this call of the kernel")]
        // SAFETY: `Scan` is laid out as the kernel's `pm_scan_arg`, whose size the opcode carries. The kernel writes to
        // `scan`, and to no more than `regions_length` elements of `regions`; both outlive the call. Flags are zero, so
        // it changes nothing of the memory itself.
        let scanned = unsafe { ioctl(file, Updater::<PAGEMAP_SCAN, Scan>::new(&mut scan)) };
        scanned.ok()?;
        // The kernel fills from the front, and no region ends at zero.
        for region in regions.iter().take_while(|region| region.end > 0) {
            written.push((region.start - base) as usize..(region.end - base) as usize);
        }
        if scan.walk_end <= start {
            return None;
        }
        start = scan.walk_end;
    }
    Some(written)
}

/// Two lists of ranges, each in order, as one.
pub(super) fn union(left: &[Range<usize>], right: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut all: Vec<_> = left.iter().chain(right).cloned().collect();
    all.sort_unstable_by_key(|range| range.start);
    let mut union: Vec<Range<usize>> = Vec::with_capacity(all.len());
    for range in all {
        match union.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => union.push(range),
        }
    }
    union
}

#[cfg(test)]
mod tests {
    use super::super::PAGE;
    use super::*;

    #[test]
    fn a_union_is_in_order_and_apart() {
        let union = union(&[0..4, 8..9], &[2..5, 9..10, 20..21]);
        assert_eq!(union, [0..5, 8..10, 20..21]);
    }

    #[test]
    fn what_was_written_is_found() {
        let mut memory = vec![0_u8; 64 * PAGE];
        let begin = memory.as_ptr().align_offset(PAGE);
        let memory = &mut memory[begin..begin + 32 * PAGE];
        memory[5 * PAGE + 1] = 1;
        memory[9 * PAGE] = 1;
        let Some(written) = written(memory) else {
            // An older kernel: then captures compare everything.
            return;
        };
        for page in [5, 9] {
            let byte = page * PAGE;
            assert!(
                written.iter().any(|range| range.contains(&byte)),
                "page {page} is not in {written:?}"
            );
        }
    }
}
