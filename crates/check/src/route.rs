//! What a client asks for with the path of its request. The paths are those of Autobahn's fuzzing server, so its clients run
//! unchanged.

use longwire_wire::Head;

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// How many cases there are, as a message.
    CaseCount,
    /// What the case with this number is, as a message in JSON.
    CaseInfo(usize),
    /// What became of the case with this number, as a message in JSON.
    CaseStatus(usize),
    /// To run the case with this number.
    RunCase(usize),
    /// To run a case that has not run yet.
    NextCase,
    /// To end the run.
    UpdateReports,
    /// Nothing that is here.
    Unknown,
}

/// A request's path, as far as it says what the client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) route: Route,
    /// The name of the client, if the request has one: `agent=` of the query.
    pub(crate) agent: Option<String>,
}

impl Wish {
    /// The wish of a request. Cases are numbered from 1.
    pub(crate) fn of(request: &Head) -> Wish {
        let target = request.start.split(' ').nth(1).unwrap_or_default();
        // The absolute form has scheme and host before the path.
        let target = target.split_once("://").map_or(target, |(_, rest)| match rest.find('/') {
            Some(place) => rest.get(place..).unwrap_or_default(),
            None => "/",
        });
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let value = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let numbered = |route: fn(usize) -> Route| {
            value("case").and_then(|number| number.parse().ok()).map_or(Route::Unknown, route)
        };
        let route = match path {
            "/" | "" => Route::NextCase,
            "/getCaseCount" => Route::CaseCount,
            "/getCaseInfo" => numbered(Route::CaseInfo),
            "/getCaseStatus" => numbered(Route::CaseStatus),
            "/runCase" => numbered(Route::RunCase),
            "/updateReports" => Route::UpdateReports,
            _ => Route::Unknown,
        };
        Wish { route, agent: value("agent").filter(|agent| !agent.is_empty()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(target: &str) -> Wish {
        Wish::of(&Head::upgrade(target, "localhost"))
    }

    #[test]
    fn the_paths_are_those_of_autobahn() {
        for (target, route) in [
            ("/getCaseCount", Route::CaseCount),
            ("/getCaseInfo?case=3", Route::CaseInfo(3)),
            ("/getCaseStatus?case=3&agent=x", Route::CaseStatus(3)),
            ("/runCase?agent=x&case=12", Route::RunCase(12)),
            ("/updateReports?agent=x", Route::UpdateReports),
            ("/", Route::NextCase),
            ("/?agent=x", Route::NextCase),
            ("ws://localhost:9001/runCase?case=1", Route::RunCase(1)),
            ("/runCase", Route::Unknown),
            ("/runCase?case=-1", Route::Unknown),
            ("/favicon.ico", Route::Unknown),
        ] {
            assert_eq!(wish(target).route, route, "{target}");
        }
        assert_eq!(wish("/runCase?case=1&agent=my%20client+2").agent.as_deref(), Some("my client 2"));
        assert_eq!(wish("/?agent=").agent, None);
    }
}
