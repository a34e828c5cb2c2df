//! A connection for commands, which is made when it is needed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisResult, Value};
use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

use crate::dial::{Dialer, Purpose};
use crate::failure::ConnectError;
use crate::figures::Figures;
use crate::monitored::Heard;
use crate::url::RedisUrl;

/// The time after a failed attempt within which calls fail without another one.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection for commands, which many calls use at once. It is made by the first call, and again after it was lost.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    slot: Mutex<Slot>,
}

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Idle,
    /// The last attempt has failed, at this time.
    Failed(Instant),
    Live(Arc<Live>),
}

/// How a lane is connected.
#[derive(Debug)]
pub(crate) struct LaneTarget {
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) server: RedisUrl,
    pub(crate) purpose: Purpose,
    pub(crate) silence: Duration,
    pub(crate) figures: Arc<Figures>,
}

/// A connection that is there.
#[derive(Debug)]
pub(crate) struct Live {
    connection: MultiplexedConnection,
    tasks: Vec<AbortHandle>,
    is_broken: AtomicBool,
    /// The identity of the server's data, which scripts compare with that of a stream; empty if it is not known.
    generation: std::sync::Mutex<String>,
    acknowledgements: Acknowledgements,
}

/// What replicas have of this connection's writes.
///
/// `WAIT` holds up the connection, so one serves all writes that were answered before it was sent.
#[derive(Debug, Default)]
struct Acknowledgements {
    written: AtomicU64,
    settled: Mutex<Settled>,
}

/// The writes up to which it is known whether replicas have them.
#[derive(Debug, Default)]
struct Settled {
    acknowledged: u64,
    /// Not in time.
    missed: u64,
}

impl Lane {
    /// The connection. Callers wait for one attempt together.
    pub(crate) async fn live(&self, target: &LaneTarget) -> Result<Arc<Live>, Option<ConnectError>> {
        let mut slot = self.slot.lock().await;
        match &*slot {
            Slot::Live(live) if !live.is_broken() => return Ok(live.clone()),
            Slot::Failed(at) if at.elapsed() < PAUSE => return Err(None),
            _ => {}
        }
        // A dropped attempt counts as a failed one.
        *slot = Slot::Failed(Instant::now());
        match Live::connect(target).await {
            Ok(live) => {
                *slot = Slot::Live(live.clone());
                Ok(live)
            }
            Err(failure) => {
                *slot = Slot::Failed(Instant::now());
                Err(Some(failure))
            }
        }
    }
}

impl Live {
    async fn connect(target: &LaneTarget) -> Result<Arc<Live>, ConnectError> {
        let server = &target.server;
        let stream = target.dialer.connect(server, target.purpose).await?;
        let heard = stream.heard();
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let greeted = RedisConnectionInfo::default().set_skip_set_lib_name();
        let connected = MultiplexedConnection::new_with_config(&greeted, stream, config).await;
        let (connection, driver) = connected.map_err(|failure| ConnectError::Unreachable {
            server: server.clone(),
            source: std::io::Error::other(failure),
        })?;
        target.figures.connections.add_one();
        Ok(Arc::new_cyclic(|live: &Weak<Live>| {
            let driver = tokio::spawn({
                let live = live.clone();
                async move {
                    driver.await;
                    live.upgrade().inspect(|live| live.give_up());
                }
            });
            let watch = tokio::spawn(watch(live.clone(), heard, target.silence));
            Live {
                connection,
                tasks: vec![driver.abort_handle(), watch.abort_handle()],
                is_broken: AtomicBool::new(false),
                generation: std::sync::Mutex::default(),
                acknowledgements: Acknowledgements::default(),
            }
        }))
    }

    pub(crate) fn generation(&self) -> String {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn learn_generation(&self, generation: &str) {
        let mut known = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != generation {
            generation.clone_into(&mut known);
        }
    }

    fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Relaxed)
    }

    /// Uses the connection no more. What is under way on it fails.
    pub(crate) fn give_up(&self) {
        self.is_broken.store(true, Ordering::Relaxed);
        for task in &self.tasks {
            task.abort();
        }
    }

    pub(crate) async fn command(&self, command: &Cmd) -> RedisResult<Value> {
        let answer = self.connection.clone().req_packed_command(command).await;
        self.checked(answer)
    }

    /// Sends several commands at once. The answer is that of the last.
    pub(crate) async fn pipeline(&self, pipeline: &redis::Pipeline) -> RedisResult<Value> {
        let count = pipeline.cmd_iter().count();
        let answers = self.connection.clone().req_packed_commands(pipeline, 0, count).await;
        self.checked(answers.map(|mut answers| answers.pop().unwrap_or_default()))
    }

    /// Turns an answer that is an error into one, and gives up a connection that is lost.
    fn checked(&self, answer: RedisResult<Value>) -> RedisResult<Value> {
        let answer = answer.and_then(Value::extract_error);
        if answer.as_ref().is_err_and(redis::RedisError::is_unrecoverable_error) {
            self.give_up();
        }
        answer
    }

    /// Waits until `replicas` have everything that the server had when it last answered on this connection before this call,
    /// also what others wrote. Says whether they have it within the time.
    pub(crate) async fn acknowledged(&self, replicas: usize, within: Duration) -> RedisResult<bool> {
        let Acknowledgements { written, settled } = &self.acknowledgements;
        let mine = written.fetch_add(1, Ordering::SeqCst) + 1;
        let mut settled = settled.lock().await;
        if mine <= settled.acknowledged.max(settled.missed) {
            return Ok(mine <= settled.acknowledged);
        }
        let all = written.load(Ordering::SeqCst);
        let mut wait = redis::cmd("WAIT");
        wait.arg(replicas).arg(u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1));
        let count: usize = redis::from_redis_value(self.command(&wait).await?)?;
        let is_acknowledged = count >= replicas;
        let last = if is_acknowledged { &mut settled.acknowledged } else { &mut settled.missed };
        *last = all;
        Ok(is_acknowledged)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Gives up a connection whose server does not answer in time, or is no longer a master.
///
/// A master that becomes a replica and a master again may have lost what it had. So the generation is looked at even
/// if nothing is refused.
async fn watch(live: Weak<Live>, heard: Heard, silence: Duration) {
    let mut question = redis::cmd("INFO");
    question.arg("replication");
    loop {
        let Some(connected) = live.upgrade().filter(|live| !live.is_broken()) else { return };
        // It may be busy with a long answer, or wait for replicas.
        let asked = async {
            let answer = connected.command(&question).await;
            drop(connected);
            answer
        };
        let (answer, is_alive) = tokio::join!(timeout(silence, asked), heard.anything_within(silence));
        let Some(live) = live.upgrade().filter(|live| !live.is_broken()) else { return };
        match answer {
            Ok(Ok(Value::VerbatimString { text: info, .. })) => {
                if field(&info, "role:") != Some("master") {
                    return live.give_up();
                }
                live.learn_generation(field(&info, "master_replid:").unwrap_or_default());
            }
            Err(_) if !is_alive => return live.give_up(),
            // The user may lack the permission, and then scripts say so. A lost connection is noticed elsewhere.
            _ => {}
        }
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name))
}
