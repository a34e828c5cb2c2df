//! What can happen in a small world, for the checker.

use stateright::{Model, Property};

use super::world::{Phase, SmallWorld};

/// How large a world is, and how often things happen in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Bounds {
    pub(super) nodes: usize,
    pub(super) clients: usize,
    pub(super) publications: usize,
    pub(super) subscriptions: usize,
    pub(super) trims: usize,
    /// How often the engine forgets the stream, while no node receives anything.
    pub(super) losses: usize,
    pub(super) interruptions: usize,
    pub(super) duplicates: usize,
    /// How many calls fail.
    pub(super) failures: usize,
    /// The publications that one read asks for.
    pub(super) page: usize,
    /// The publications that a channel may hold.
    pub(super) room: usize,
    /// The publications that a client recovers.
    pub(super) limit: usize,
    pub(super) mutation: Mutation,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            nodes: 1,
            clients: 1,
            publications: 2,
            subscriptions: 2,
            trims: 0,
            losses: 0,
            interruptions: 0,
            duplicates: 0,
            failures: 0,
            page: 10,
            room: 10,
            limit: 10,
            mutation: Mutation::None,
        }
    }
}

/// How what `Following` asks for is done wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mutation {
    None,
    /// A subscriber begins before the others are brought to where it begins: there is no ordering point.
    StartsFirst,
    /// What arrives during a read is not held.
    DropsWhileReading,
    /// Nothing is read after an interruption.
    IgnoresInterruptions,
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happening {
    Publish,
    Trim,
    /// The engine has lost its memory. What was under way is lost with it.
    Lose,
    Subscribe {
        client: usize,
        node: usize,
    },
    Leave {
        client: usize,
    },
    Link {
        node: usize,
    },
    LinkFails {
        node: usize,
    },
    Read {
        node: usize,
    },
    ReadFails {
        node: usize,
    },
    Arrive {
        node: usize,
    },
    ArriveTwice {
        node: usize,
    },
    Interrupt {
        node: usize,
        arrives: usize,
    },
    Restore {
        node: usize,
    },
    Pass {
        node: usize,
    },
}

pub(super) struct FollowingModel(Bounds);

impl FollowingModel {
    pub(super) fn new(bounds: Bounds) -> FollowingModel {
        FollowingModel(bounds)
    }
}

impl Model for FollowingModel {
    type State = SmallWorld;
    type Action = Happening;

    fn init_states(&self) -> Vec<SmallWorld> {
        vec![SmallWorld::new(&self.0)]
    }

    fn actions(&self, world: &SmallWorld, actions: &mut Vec<Happening>) {
        if world.broken.is_some() {
            return;
        }
        let left = &world.left;
        let mut may = |times: usize, happening: Happening| {
            if times > 0 {
                actions.push(happening);
            }
        };
        may(left.publications, Happening::Publish);
        may(left.trims, Happening::Trim);
        may(left.losses, Happening::Lose);
        for (client, at) in world.clients.iter().enumerate() {
            if at.phase == Phase::Away {
                (0..world.nodes.len())
                    .for_each(|node| may(left.subscriptions, Happening::Subscribe { client, node }));
            } else {
                may(1, Happening::Leave { client });
            }
        }
        for node in 0..world.nodes.len() {
            if world.link_waits(node) {
                may(1, Happening::Link { node });
                may(left.failures, Happening::LinkFails { node });
            }
            if world.read_waits(node) {
                may(1, Happening::Read { node });
                may(left.failures, Happening::ReadFails { node });
            }
            if world.feed_len(node) > 0 {
                may(1, Happening::Arrive { node });
                may(left.duplicates, Happening::ArriveTwice { node });
            }
            if world.nodes[node].is_cut {
                may(1, Happening::Restore { node });
            } else {
                (0..=world.feed_len(node))
                    .for_each(|arrives| may(left.interruptions, Happening::Interrupt { node, arrives }));
            }
            if world.is_due(node) {
                may(1, Happening::Pass { node });
            }
        }
    }

    fn next_state(&self, world: &SmallWorld, happening: Happening) -> Option<SmallWorld> {
        let mut next = world.clone();
        match happening {
            Happening::Publish => {
                next.left.publications -= 1;
                next.publish();
            }
            Happening::Trim => {
                next.left.trims -= 1;
                next.trim();
            }
            Happening::Lose => {
                next.left.losses -= 1;
                (0..next.nodes.len())
                    .filter(|node| !world.nodes[*node].is_cut)
                    .for_each(|node| next.interrupt(node, 0));
                next.forget();
            }
            Happening::Subscribe { client, node } => {
                next.left.subscriptions -= 1;
                next.subscribe(client, node);
            }
            Happening::Leave { client } => next.leave(client),
            Happening::Link { node } => next.go_on_with_link(node, false),
            Happening::LinkFails { node } => {
                next.left.failures -= 1;
                next.go_on_with_link(node, true);
            }
            Happening::Read { node } => next.go_on_with_read(node, false),
            Happening::ReadFails { node } => {
                next.left.failures -= 1;
                next.go_on_with_read(node, true);
            }
            Happening::Arrive { node } => next.arrive(node, false),
            Happening::ArriveTwice { node } => {
                next.left.duplicates -= 1;
                next.arrive(node, true);
            }
            Happening::Interrupt { node, arrives } => {
                next.left.interruptions -= 1;
                next.interrupt(node, arrives);
            }
            Happening::Restore { node } => next.restore(node),
            Happening::Pass { node } => next.pass(node),
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<FollowingModel>> {
        let Bounds { trims, losses, interruptions, failures, .. } = self.0;
        let mut properties = vec![
            Property::always("none twice, none missing, or told", |_, world: &SmallWorld| {
                world.broken.is_none()
            }),
            Property::always("at rest, everybody has seen everything", |_, world: &SmallWorld| {
                !world.rests() || world.all_is_seen()
            }),
            Property::always("at rest, nothing is left of those that have gone", |_, world: &SmallWorld| {
                !world.rests() || world.all_is_forgotten()
            }),
        ];
        // A world in which nothing happens proves nothing.
        let mut happens = |is_expected: bool, name, has: fn(&FollowingModel, &SmallWorld) -> bool| {
            if is_expected {
                properties.push(Property::sometimes(name, has));
            }
        };
        happens(true, "a client recovers what it has missed", |_, world| world.happened.recovered);
        happens(trims > 0, "a client cannot recover", |_, world| world.happened.unrecovered);
        happens(losses > 0, "subscribers are told", |_, world| world.happened.told);
        happens(interruptions > 0, "a gap is filled", |_, world| world.happened.filled);
        happens(failures > 0, "a subscriber is refused", |_, world| world.happened.refused);
        properties
    }
}
