//! The settings of a stage.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use longwire_proto::{Config, Limits};

use super::handle::Stage;
use super::runtime::StageRuntime;
use super::stage_loop::{SharedLoop, StageLoop};
use crate::admission::origin::{InvalidOrigin, Origin};
use crate::admission::policy::AdmissionPolicy;
use crate::error::{Error, Result, not_instant, not_zero, without_effect};
use crate::event::application::Application;
use crate::event::handler::Handler;
use crate::event::mailbox::Exchange;
use crate::event::observer::{Observer, TopicEvent};
use crate::event::publisher::Topics;
use crate::event::routes::Routes;
use crate::event::rules::Rules;
use crate::event::ticker::Ticker;
use crate::ledger::Ledger;

/// The settings of a [`Stage`]: the same as those of a [`Server`](crate::Server).
///
/// ```
/// use std::time::Duration;
///
/// use longwire::{Handler, Limits, Stage};
///
/// fn a_silent_client_is_closed(chat: impl Handler) -> longwire::Result<()> {
///     let minute = Duration::from_secs(60);
///     let mut stage = Stage::builder(chat).limits(Limits::default().idle_time(minute)).start()?;
///     let ann = stage.connect("/chat?name=ann")?;
///     stage.advance(minute);
///     assert!(ann.closed().is_some());
///     Ok(())
/// }
/// ```
#[must_use = "a stage is made by `start`"]
pub struct StageBuilder {
    settings: StageSettings,
    application: Staged,
}

/// The application that the stage runs.
enum Staged {
    /// Makes the loop for a handler of any type.
    Handler(Box<dyn FnOnce(StageSettings) -> Result<SharedLoop>>),
    Routes(Routes),
    /// An error: a route was added to a stage with a handler for all paths.
    Both,
}

struct StageSettings {
    config: Config,
    admission: AdmissionPolicy,
    max_spawned: usize,
    tickers: Vec<Ticker>,
    tick_every: Option<Duration>,
    observer: Option<Observer>,
}

impl Stage {
    /// A stage for this handler, with the default settings of a server.
    ///
    /// # Panics
    ///
    /// If the tokio runtime cannot be created.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without a runtime cannot go on")]
    pub fn new(handler: impl Handler) -> Stage {
        Stage::builder(handler).start().unwrap_or_else(|error| panic!("{error}"))
    }

    /// A builder of a stage for this handler.
    pub fn builder(handler: impl Handler) -> StageBuilder {
        StageBuilder::of(Staged::Handler(Box::new(|settings| settings.make(handler))))
    }

    /// A builder of a stage that has several handlers, one per path; add them with [`route`](StageBuilder::route).
    ///
    /// ```
    /// # use longwire::{Handler, Stage};
    /// fn has_a_ticker(chat: impl Handler, ticker: impl Handler) -> longwire::Result<()> {
    ///     let mut stage = Stage::routes().route("/chat/{channel}", chat).route("/ticker", ticker).start()?;
    ///     assert_eq!(stage.connect("/ticker")?.received().len(), 1);
    ///     Ok(())
    /// }
    /// ```
    pub fn routes() -> StageBuilder {
        StageBuilder::of(Staged::Routes(Routes::default()))
    }
}

impl StageBuilder {
    fn of(application: Staged) -> StageBuilder {
        let settings = StageSettings {
            config: Config::default(),
            admission: AdmissionPolicy::of_server(),
            max_spawned: 64,
            tickers: Vec::new(),
            tick_every: None,
            observer: None,
        };
        StageBuilder { settings, application }
    }

    /// Lets `handler` serve connections to this path, as [`Server::route`](crate::Server::route) does. Only for a stage
    /// of [`Stage::routes`]; otherwise [`start`](StageBuilder::start) fails.
    pub fn route(mut self, path: &str, handler: impl Handler) -> StageBuilder {
        match &mut self.application {
            Staged::Routes(routes) => routes.add(path, handler),
            Staged::Handler(_) | Staged::Both => self.application = Staged::Both,
        }
        self
    }

    /// Limits what one connection may cost.
    pub fn limits(mut self, limits: Limits) -> StageBuilder {
        self.settings.config.limits = limits;
        self
    }

    /// Accepts browsers on pages of these origins, as [`Server::origins`](crate::Server::origins) does.
    pub fn origins<O>(mut self, origins: impl IntoIterator<Item = O>) -> StageBuilder
    where
        O: TryInto<Origin, Error: Into<InvalidOrigin>>,
    {
        for origin in origins {
            self.settings.admission.allow_origin(origin.try_into().map_err(Into::into));
        }
        self
    }

    /// Accepts browsers on pages of any origin.
    pub fn any_origin(mut self) -> StageBuilder {
        self.settings.admission.allow_any_origin();
        self
    }

    /// Sets the supported subprotocols, the preferred one first.
    pub fn subprotocols<S: Into<String>>(
        mut self,
        subprotocols: impl IntoIterator<Item = S>,
    ) -> StageBuilder {
        self.settings.admission.subprotocols = subprotocols.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how many futures run at a time for each connection; 64 by default.
    pub fn spawned_per_connection(mut self, count: usize) -> StageBuilder {
        self.settings.max_spawned = count;
        self
    }

    /// Calls `tick` periodically, as [`Server::every`](crate::Server::every) does, while [`Stage::advance`] lets time
    /// pass.
    pub fn every(mut self, period: Duration, tick: impl FnMut(&Topics) + Send + 'static) -> StageBuilder {
        self.settings.tickers.push(Ticker { period, tick: Box::new(tick) });
        self
    }

    /// Calls [`Handler::on_tick`](crate::Handler::on_tick) for each connection once per period, while
    /// [`Stage::advance`] lets time pass.
    pub fn tick_every(mut self, period: Duration) -> StageBuilder {
        self.settings.tick_every = Some(period);
        self
    }

    /// Calls `observer` when a topic gets its first subscriber or loses its last, as
    /// [`Server::on_topic`](crate::Server::on_topic) does. On a stage, it is called before the call that causes the
    /// change returns.
    pub fn on_topic(mut self, observer: impl FnMut(TopicEvent<'_>) + Send + 'static) -> StageBuilder {
        self.settings.observer = Some(Box::new(observer));
        self
    }

    /// Creates the stage.
    ///
    /// # Errors
    ///
    /// If a setting is invalid, as for [`Server::run`](crate::Server::run), or if the tokio runtime cannot be created.
    pub fn start(self) -> Result<Stage> {
        let StageBuilder { settings, application } = self;
        settings.check()?;
        let shared = match application {
            Staged::Handler(make) => make(settings)?,
            Staged::Routes(routes) => {
                routes.check()?;
                settings.make(routes)?
            }
            Staged::Both => {
                let since = "the stage has one handler for all paths";
                return Err(without_effect("route", "builder", since).into());
            }
        };
        Ok(Stage { shared })
    }
}

impl StageSettings {
    fn check(&self) -> Result<()> {
        self.admission.check()?;
        self.config.limits.check()?;
        not_zero("StageBuilder::spawned_per_connection", self.max_spawned)?;
        for ticker in &self.tickers {
            not_instant("StageBuilder::every", ticker.period)?;
        }
        if let Some(period) = self.tick_every {
            not_instant("StageBuilder::tick_every", period)?;
        }
        Ok(())
    }

    fn make(self, application: impl Application) -> Result<SharedLoop> {
        let runtime = StageRuntime::new().map_err(|error| Error::io("make the runtime of a stage", error))?;
        let exchange = Arc::<Exchange>::default();
        let mailbox = exchange.connect(1).first().cloned().unwrap_or_default();
        let rules = Rules {
            application,
            config: Arc::new(self.config),
            admission: self.admission,
            serves_http: false,
            ledger: Arc::new(Ledger::new(usize::MAX)),
            max_spawned: self.max_spawned,
            counts_traffic: true,
            tick_every: self.tick_every,
        };
        let stage_loop = StageLoop::new(rules, &exchange, mailbox, self.tickers, self.observer, runtime);
        Ok(SharedLoop::new(stage_loop))
    }
}

impl fmt::Debug for StageBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StageBuilder")
            .field("limits", &self.settings.config.limits)
            .field("admission", &self.settings.admission)
            .finish_non_exhaustive()
    }
}
