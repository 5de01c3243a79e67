;; WASI preview 1 for modules of agents, over plain functions of the contract and of WASI 0.2, without a handle that stays
;; open: what an agent prints becomes entries of its session's log, a line each.
;;
;; ROOM is replaced by the address of 8 KiB of the module's memory that the module itself leaves alone:
;; 4080 bytes for an open line of stdout, as many at ROOM + 4096 for stderr, and between them room for one result.
(module
  (import "env" "memory" (memory 0))
  (import "kellion:agent/log@0.1.0" "write" (func $log (param $level i32) (param $text i32) (param $length i32)))
  (import "wasi:clocks/wall-clock@0.2.0" "now" (func $wall_now (param $to i32)))
  (import "wasi:clocks/wall-clock@0.2.0" "resolution" (func $wall_resolution (param $to i32)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $monotonic_now (result i64)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "resolution" (func $monotonic_resolution (result i64)))
  (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $timer (param $ns i64) (result i32)))
  (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param $pollable i32)))
  (import "wasi:io/poll@0.2.0" "[resource-drop]pollable" (func $drop (param $pollable i32)))
  (import "wasi:random/random@0.2.0" "get-random-u64" (func $random (result i64)))

  (global $room i32 (i32.const ROOM))
  (global $longest i32 (i32.const 4080))
  ;; Bytes in the open lines.
  (global $held_out (mut i32) (i32.const 0))
  (global $held_err (mut i32) (i32.const 0))

  ;; ---- Lines ----

  ;; Overwrites with "?" what is no UTF-8: the log takes text only.
  (func $clean (param $at i32) (param $end i32)
    (local $byte i32) (local $more i32) (local $low i32) (local $high i32)
    (loop $next
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return)))
      (local.set $byte (i32.load8_u (local.get $at)))
      (local.set $more (i32.const 0))
      (block $bad
        (block $good
          (br_if $good (i32.lt_u (local.get $byte) (i32.const 0x80)))
          (br_if $bad (i32.lt_u (local.get $byte) (i32.const 0xC2)))
          (br_if $bad (i32.gt_u (local.get $byte) (i32.const 0xF4)))
          (local.set $more (i32.add (i32.const 1) (i32.add
            (i32.ge_u (local.get $byte) (i32.const 0xE0))
            (i32.ge_u (local.get $byte) (i32.const 0xF0)))))
          ;; Neither longer than need be, nor half of a surrogate pair, nor past the last code point.
          (local.set $low (i32.const 0x80))
          (local.set $high (i32.const 0xBF))
          (if (i32.eq (local.get $byte) (i32.const 0xE0)) (then (local.set $low (i32.const 0xA0))))
          (if (i32.eq (local.get $byte) (i32.const 0xED)) (then (local.set $high (i32.const 0x9F))))
          (if (i32.eq (local.get $byte) (i32.const 0xF0)) (then (local.set $low (i32.const 0x90))))
          (if (i32.eq (local.get $byte) (i32.const 0xF4)) (then (local.set $high (i32.const 0x8F))))
          (br_if $bad (i32.ge_u (local.get $more) (i32.sub (local.get $end) (local.get $at))))
          (local.set $byte (i32.load8_u offset=1 (local.get $at)))
          (br_if $bad (i32.lt_u (local.get $byte) (local.get $low)))
          (br_if $bad (i32.gt_u (local.get $byte) (local.get $high)))
          (br_if $good (i32.lt_u (local.get $more) (i32.const 2)))
          (br_if $bad (i32.eqz (call $continues (i32.load8_u offset=2 (local.get $at)))))
          (br_if $good (i32.lt_u (local.get $more) (i32.const 3)))
          (br_if $bad (i32.eqz (call $continues (i32.load8_u offset=3 (local.get $at))))))
        (local.set $at (i32.add (local.get $at) (i32.add (local.get $more) (i32.const 1))))
        (br $next))
      (i32.store8 (local.get $at) (i32.const 0x3F))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next)))

  (func $continues (param $byte i32) (result i32)
    (i32.eq (i32.and (local.get $byte) (i32.const 0xC0)) (i32.const 0x80)))

  ;; How many bytes before the end begin a character that goes on behind it.
  (func $begun (param $end i32) (result i32)
    (local $back i32) (local $byte i32)
    (local.set $back (i32.const 1))
    (loop $further
      (local.set $byte (i32.load8_u (i32.sub (local.get $end) (local.get $back))))
      (if (call $continues (local.get $byte))
        (then
          (local.set $back (i32.add (local.get $back) (i32.const 1)))
          (br_if $further (i32.lt_u (local.get $back) (i32.const 4)))
          (return (i32.const 0)))))
    (if (i32.lt_u (local.get $byte) (i32.const 0xC0)) (then (return (i32.const 0))))
    (select (local.get $back) (i32.const 0)
      (i32.le_u (local.get $back) (i32.add (i32.const 1) (i32.add
        (i32.ge_u (local.get $byte) (i32.const 0xE0))
        (i32.ge_u (local.get $byte) (i32.const 0xF0)))))))

  (func $line (param $fd i32) (result i32)
    (i32.add (global.get $room) (i32.shl (i32.sub (local.get $fd) (i32.const 1)) (i32.const 12))))
  (func $held (param $fd i32) (result i32)
    (select (global.get $held_out) (global.get $held_err) (i32.eq (local.get $fd) (i32.const 1))))
  (func $hold (param $fd i32) (param $bytes i32)
    (if (i32.eq (local.get $fd) (i32.const 1))
      (then (global.set $held_out (local.get $bytes)))
      (else (global.set $held_err (local.get $bytes)))))

  ;; Logs the first bytes of the open line: stdout at info, which is 1, stderr at warn, which is 2.
  (func $entry (param $fd i32) (param $bytes i32)
    (call $clean (call $line (local.get $fd)) (i32.add (call $line (local.get $fd)) (local.get $bytes)))
    (call $log (local.get $fd) (call $line (local.get $fd)) (local.get $bytes)))

  ;; Logs what was printed without a line's end.
  (func $flush (param $fd i32)
    (local $bytes i32)
    (local.set $bytes (call $held (local.get $fd)))
    (if (local.get $bytes)
      (then
        (call $hold (local.get $fd) (i32.const 0))
        (call $entry (local.get $fd) (local.get $bytes)))))

  ;; Logs a line that has grown too long, up to its last whole character.
  (func $cut (param $fd i32)
    (local $end i32) (local $rest i32)
    (local.set $end (i32.add (call $line (local.get $fd)) (global.get $longest)))
    (local.set $rest (call $begun (local.get $end)))
    (call $entry (local.get $fd) (i32.sub (global.get $longest) (local.get $rest)))
    (memory.copy (call $line (local.get $fd)) (i32.sub (local.get $end) (local.get $rest)) (local.get $rest))
    (call $hold (local.get $fd) (local.get $rest)))

  (func $print (param $fd i32) (param $at i32) (param $length i32)
    (local $end i32) (local $from i32) (local $limit i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (loop $next
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return)))
      (if (i32.eq (i32.load8_u (local.get $at)) (i32.const 10))
        (then
          (call $entry (local.get $fd) (call $held (local.get $fd)))
          (call $hold (local.get $fd) (i32.const 0))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $next)))
      (if (i32.eq (call $held (local.get $fd)) (global.get $longest))
        (then (call $cut (local.get $fd))))
      ;; As much of the line as there is and as fits.
      (local.set $from (local.get $at))
      (local.set $limit (i32.sub (global.get $longest) (call $held (local.get $fd))))
      (if (i32.gt_u (local.get $limit) (i32.sub (local.get $end) (local.get $at)))
        (then (local.set $limit (i32.sub (local.get $end) (local.get $at)))))
      (local.set $limit (i32.add (local.get $at) (local.get $limit)))
      (loop $further
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (if (i32.lt_u (local.get $at) (local.get $limit))
          (then (br_if $further (i32.ne (i32.load8_u (local.get $at)) (i32.const 10))))))
      (memory.copy
        (i32.add (call $line (local.get $fd)) (call $held (local.get $fd)))
        (local.get $from)
        (i32.sub (local.get $at) (local.get $from)))
      (call $hold (local.get $fd)
        (i32.add (call $held (local.get $fd)) (i32.sub (local.get $at) (local.get $from))))
      (br $next)))

  ;; ---- stdin, stdout, stderr: all the descriptors that there are ----

  (func $is_stdio (param $fd i32) (result i32) (i32.lt_u (local.get $fd) (i32.const 3)))
  (func $is_printed (param $fd i32) (result i32)
    (i32.lt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 2)))
  ;; Success, which is 0, or "bad descriptor".
  (func $for_stdio (param $fd i32) (result i32)
    (select (i32.const 0) (i32.const 8) (call $is_stdio (local.get $fd))))

  (func (export "fd_write") (param $fd i32) (param $vectors i32) (param $count i32) (param $written i32) (result i32)
    (local $sum i32)
    (if (i32.eqz (call $is_printed (local.get $fd))) (then (return (i32.const 8))))
    (block $all
      (loop $next
        (br_if $all (i32.eqz (local.get $count)))
        (call $print (local.get $fd) (i32.load (local.get $vectors)) (i32.load offset=4 (local.get $vectors)))
        (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $vectors))))
        (local.set $vectors (i32.add (local.get $vectors) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next)))
    (i32.store (local.get $written) (local.get $sum))
    (i32.const 0))
  (func $sync (export "fd_sync") (export "fd_datasync") (param $fd i32) (result i32)
    (if (call $is_printed (local.get $fd)) (then (call $flush (local.get $fd))))
    (call $for_stdio (local.get $fd)))
  ;; stdin is empty.
  (func (export "fd_read") (param $fd i32) (param $vectors i32) (param $count i32) (param $read i32) (result i32)
    (if (local.get $fd) (then (return (i32.const 8))))
    (i32.store (local.get $read) (i32.const 0))
    (i32.const 0))
  (func (export "fd_close") (param $fd i32) (result i32)
    (call $sync (local.get $fd)))
  ;; A character device that cannot seek: C libraries send its lines at once, so that they stay in order with the log's
  ;; own entries.
  (func (export "fd_fdstat_get") (param $fd i32) (param $to i32) (result i32)
    (if (i32.eqz (call $is_stdio (local.get $fd))) (then (return (i32.const 8))))
    (i64.store (local.get $to) (i64.const 2))
    (i64.store offset=8 (local.get $to)
      (select (i64.const 64) (i64.const 2) (call $is_printed (local.get $fd))))
    (i64.store offset=16 (local.get $to) (i64.const 0))
    (i32.const 0))
  (func (export "fd_fdstat_set_flags") (param $fd i32) (param $flags i32) (result i32)
    (call $for_stdio (local.get $fd)))
  (func (export "fd_fdstat_set_rights") (param $fd i32) (param i64 i64) (result i32)
    (call $for_stdio (local.get $fd)))
  (func (export "fd_filestat_get") (param $fd i32) (param $to i32) (result i32)
    (if (i32.eqz (call $is_stdio (local.get $fd))) (then (return (i32.const 8))))
    (memory.fill (local.get $to) (i32.const 0) (i32.const 64))
    (i32.store8 offset=16 (local.get $to) (i32.const 2))
    (i32.const 0))
  ;; "A pipe cannot seek".
  (func $no_seek (param $fd i32) (result i32)
    (select (i32.const 70) (i32.const 8) (call $is_stdio (local.get $fd))))
  (func (export "fd_seek") (param $fd i32) (param i64 i32 i32) (result i32) (call $no_seek (local.get $fd)))
  (func (export "fd_tell") (param $fd i32) (param i32) (result i32) (call $no_seek (local.get $fd)))

  ;; ---- Clocks ----

  (func $result (result i32) (i32.add (global.get $room) (global.get $longest)))
  (func $nanoseconds (result i64)
    (i64.add
      (i64.mul (i64.load (call $result)) (i64.const 1000000000))
      (i64.load32_u offset=8 (call $result))))
  (func $wall (result i64) (call $wall_now (call $result)) (call $nanoseconds))

  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $to i32) (result i32)
    (if (i32.gt_u (local.get $clock) (i32.const 1)) (then (return (i32.const 28))))
    (if (local.get $clock)
      (then (i64.store (local.get $to) (call $monotonic_now)))
      (else (i64.store (local.get $to) (call $wall))))
    (i32.const 0))
  (func (export "clock_res_get") (param $clock i32) (param $to i32) (result i32)
    (if (i32.gt_u (local.get $clock) (i32.const 1)) (then (return (i32.const 28))))
    (if (local.get $clock)
      (then (i64.store (local.get $to) (call $monotonic_resolution)))
      (else
        (call $wall_resolution (call $result))
        (i64.store (local.get $to) (call $nanoseconds))))
    (i32.const 0))

  ;; How long a subscription has to wait. One for a descriptor waits for nothing.
  (func $wait (param $subscription i32) (param $wall i64) (param $monotonic i64) (result i64)
    (local $due i64) (local $now i64)
    (if (i32.load8_u offset=8 (local.get $subscription)) (then (return (i64.const 0))))
    (local.set $due (i64.load offset=24 (local.get $subscription)))
    (if (i32.eqz (i32.and (i32.load16_u offset=40 (local.get $subscription)) (i32.const 1)))
      (then (return (local.get $due))))
    (local.set $now
      (select (local.get $monotonic) (local.get $wall) (i32.load offset=16 (local.get $subscription))))
    (select (i64.sub (local.get $due) (local.get $now)) (i64.const 0)
      (i64.gt_u (local.get $due) (local.get $now))))

  (func (export "poll_oneoff")
    (param $subscriptions i32) (param $events i32) (param $count i32) (param $happened i32) (result i32)
    (local $wall i64) (local $monotonic i64) (local $least i64) (local $wait i64)
    (local $at i32) (local $end i32) (local $to i32) (local $timer i32)
    (if (i32.eqz (local.get $count)) (then (return (i32.const 28))))
    (local.set $wall (call $wall))
    (local.set $monotonic (call $monotonic_now))
    (local.set $end (i32.add (local.get $subscriptions) (i32.mul (local.get $count) (i32.const 48))))
    (local.set $least (i64.const -1))
    (local.set $at (local.get $subscriptions))
    (loop $next
      (local.set $wait (call $wait (local.get $at) (local.get $wall) (local.get $monotonic)))
      (if (i64.lt_u (local.get $wait) (local.get $least)) (then (local.set $least (local.get $wait))))
      (local.set $at (i32.add (local.get $at) (i32.const 48)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    ;; The one handle that there ever is lives for as long as this call.
    (if (i64.ne (local.get $least) (i64.const 0))
      (then
        (local.set $timer (call $timer (local.get $least)))
        (call $block (local.get $timer))
        (call $drop (local.get $timer))))
    (local.set $to (local.get $events))
    (local.set $at (local.get $subscriptions))
    (loop $next
      (if (i64.le_u (call $wait (local.get $at) (local.get $wall) (local.get $monotonic)) (local.get $least))
        (then
          (memory.fill (local.get $to) (i32.const 0) (i32.const 32))
          (i64.store (local.get $to) (i64.load (local.get $at)))
          (i32.store8 offset=10 (local.get $to) (i32.load8_u offset=8 (local.get $at)))
          (if (i32.load8_u offset=8 (local.get $at))
            (then (i32.store16 offset=8 (local.get $to) (call $for_stdio (i32.load offset=16 (local.get $at))))))
          (local.set $to (i32.add (local.get $to) (i32.const 32)))))
      (local.set $at (i32.add (local.get $at) (i32.const 48)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (i32.store (local.get $happened) (i32.shr_u (i32.sub (local.get $to) (local.get $events)) (i32.const 5)))
    (i32.const 0))

  ;; ---- Chance ----

  (func (export "random_get") (param $at i32) (param $length i32) (result i32)
    (local $end i32) (local $bits i64)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (block $rest
      (loop $next
        (br_if $rest (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 8)))
        (i64.store (local.get $at) (call $random))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $next)))
    (if (i32.eq (local.get $at) (local.get $end)) (then (return (i32.const 0))))
    (local.set $bits (call $random))
    (loop $next
      (i64.store8 (local.get $at) (local.get $bits))
      (local.set $bits (i64.shr_u (local.get $bits) (i64.const 8)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (i32.const 0))

  ;; ---- The process: no arguments, no variables, and its end is the session's instance's ----

  (func $nothing (export "args_sizes_get") (export "environ_sizes_get")
    (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (func (export "args_get") (export "environ_get") (param i32 i32) (result i32) (i32.const 0))
  (func (export "sched_yield") (result i32) (i32.const 0))
  (func (export "proc_exit") (param $code i32)
    (call $flush (i32.const 1))
    (call $flush (i32.const 2))
    unreachable)
  (func (export "proc_raise") (param i32) (result i32) (i32.const 58))

  ;; ---- Files and sockets: every descriptor is a bad one ----

  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_advise") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_allocate") (param i32 i64 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_pread") (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_renumber") (param i32 i32) (result i32) (i32.const 8))
  (func (export "path_create_directory") (export "path_remove_directory") (export "path_unlink_file")
    (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 8)))
