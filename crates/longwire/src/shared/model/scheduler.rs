//! A scheduler that polls tasks by hand, in an order that a seed determines.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// How deeply interruptions of steps may nest.
const DEPTH: usize = 2;

/// At one of this many points between two steps, another task runs.
const INTERRUPTED: usize = 4;

/// One of this many polls has a new waker, like a future that has moved to another task.
const MOVED: usize = 8;

/// The name of a task that drives a connection.
pub(super) const DRIVER: &str = "the driver";

/// More polls than any schedule needs.
const ENDLESS: usize = 200_000;

/// The end of the connection that a task belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The end under test.
    Near,
    Far,
}

type Work = Pin<Box<dyn Future<Output = ()>>>;

struct Task {
    name: &'static str,
    side: Side,
    /// `None` while it is polled, and after it is done.
    work: Option<Work>,
    is_done: bool,
    flag: Arc<Flag>,
}

/// A waker that only records that it was woken.
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

thread_local! {
    static TASKS: RefCell<Vec<Task>> = const { RefCell::new(Vec::new()) };
    static IS_RUNNING: Cell<bool> = const { Cell::new(false) };
    static DEEP: Cell<usize> = const { Cell::new(0) };
    static NEAR_ONLY: Cell<bool> = const { Cell::new(false) };
    /// The end of the task that is running; tasks that it starts belong to the same end.
    static SIDE: Cell<Side> = const { Cell::new(Side::Near) };
    static CHANCE: Cell<u64> = const { Cell::new(1) };
    static PROGRESS: Cell<u64> = const { Cell::new(0) };
}

/// A pseudo-random number below `bound`.
pub(super) fn pick(bound: usize) -> usize {
    // Marsaglia's xorshift64*.
    let mut state = CHANCE.get();
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    CHANCE.set(state);
    usize::try_from(state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % bound
}

/// True once in `times` times on average.
pub(super) fn once_in(times: usize) -> bool {
    pick(times) == 0
}

/// An operation has received something that it waited for.
pub(super) fn progressed() {
    PROGRESS.set(PROGRESS.get() + 1);
}

/// Begins a schedule.
pub(super) fn begin(seed: u64) {
    clear();
    CHANCE.set(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..8 {
        pick(2);
    }
    IS_RUNNING.set(true);
}

/// Drops the remains of a schedule.
pub(super) fn clear() {
    IS_RUNNING.set(false);
    NEAR_ONLY.set(false);
    DEEP.set(0);
    let left = TASKS.with_borrow_mut(mem::take);
    drop(left);
}

pub(super) fn is_running() -> bool {
    IS_RUNNING.get()
}

pub(super) fn spawn(name: &'static str, side: Side, work: impl Future<Output = ()> + 'static) {
    let flag = Arc::new(Flag(AtomicBool::new(true)));
    let task = Task { name, side, work: Some(Box::pin(work)), is_done: false, flag };
    TASKS.with_borrow_mut(|tasks| tasks.push(task));
}

/// Starts a task at the same end as the running one.
pub(super) fn spawn_beside(name: &'static str, work: impl Future<Output = ()> + 'static) {
    spawn(name, SIDE.get(), work);
}

/// Runs `work` at an end.
pub(super) fn at<T>(side: Side, work: impl FnOnce() -> T) -> T {
    let before = SIDE.replace(side);
    let outcome = work();
    SIDE.set(before);
    outcome
}

/// Another thread may run here: polls another task once.
pub(super) fn interrupt() {
    if IS_RUNNING.get() && DEEP.get() < DEPTH && once_in(INTERRUPTED) {
        DEEP.set(DEEP.get() + 1);
        run_one();
        DEEP.set(DEEP.get() - 1);
    }
}

/// Polls one task that was woken. `false` if there is none.
fn run_one() -> bool {
    let near_only = NEAR_ONLY.get();
    let woken: Vec<usize> = TASKS.with_borrow(|tasks| {
        let is_woken = |task: &Task| task.work.is_some() && task.flag.0.load(Ordering::Relaxed);
        let may_run = |task: &Task| is_woken(task) && !(near_only && task.side == Side::Far);
        tasks.iter().enumerate().filter(|(_, task)| may_run(task)).map(|(index, _)| index).collect()
    });
    if woken.is_empty() {
        return false;
    }
    poll(woken[pick(woken.len())]);
    true
}

fn poll(index: usize) {
    let is_moved = once_in(MOVED);
    let (mut work, flag, side) = TASKS.with_borrow_mut(|tasks| {
        let task = &mut tasks[index];
        if is_moved {
            task.flag = Arc::new(Flag(AtomicBool::new(false)));
        }
        task.flag.0.store(false, Ordering::Relaxed);
        (task.work.take().unwrap(), Arc::clone(&task.flag), task.side)
    });
    let waker = Waker::from(flag);
    let polled = at(side, || work.as_mut().poll(&mut Context::from_waker(&waker)));
    if polled.is_ready() {
        at(side, || drop(work));
        TASKS.with_borrow_mut(|tasks| tasks[index].is_done = true);
        progressed();
    } else {
        TASKS.with_borrow_mut(|tasks| tasks[index].work = Some(work));
    }
}

/// Runs all woken tasks until none is woken.
pub(super) fn settle() {
    for _ in 0..ENDLESS {
        if !run_one() {
            return;
        }
    }
    panic!("a task wakes itself endlessly");
}

/// Runs the near end until it waits while the far end stands still, and checks that no task waits for something that
/// has happened: `look` must find nothing, and polling a task that was not woken must not advance it. The driver is not
/// polled, because it would write fed data.
pub(super) fn settle_near(look: impl Fn()) {
    NEAR_ONLY.set(true);
    settle();
    look();
    DEEP.set(DEPTH);
    for index in 0..TASKS.with_borrow(Vec::len) {
        // A task that is woken by now was woken by a change that one of these polls made.
        let waiting = TASKS.with_borrow(|tasks| {
            let task = &tasks[index];
            let waits = task.work.is_some() && !task.flag.0.load(Ordering::Relaxed);
            (waits && task.side == Side::Near && task.name != DRIVER).then_some(task.name)
        });
        if let Some(name) = waiting {
            let before = PROGRESS.get();
            poll(index);
            assert_eq!(PROGRESS.get(), before, "{name} was not woken for what it waits for");
        }
    }
    DEEP.set(0);
    settle();
    NEAR_ONLY.set(false);
}

/// Polls up to `steps` woken tasks of both ends.
pub(super) fn go_on(steps: usize) {
    for _ in 0..steps {
        run_one();
    }
}

/// Runs every task to its end.
pub(super) fn finish() {
    settle();
    let stuck = TASKS.with_borrow(|tasks| {
        let stuck = tasks.iter().filter(|task| !task.is_done);
        stuck.map(|task| format!("{} ({:?})", task.name, task.side)).collect::<Vec<_>>()
    });
    assert!(stuck.is_empty(), "never woken: {}", stuck.join(", "));
}

/// Runs a future to its end, with no other task.
pub(super) fn complete<T: 'static>(work: impl Future<Output = T> + 'static) -> T {
    let slot = std::rc::Rc::new(RefCell::new(None));
    let result = std::rc::Rc::clone(&slot);
    spawn("preparation", Side::Near, async move {
        let outcome = work.await;
        result.replace(Some(outcome));
    });
    settle();
    let outcome = slot.take();
    outcome.unwrap()
}
