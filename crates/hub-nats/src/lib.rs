//! Keeps the channels of [`longwire_hub`] in NATS with JetStream, so that several nodes share them. NATS 2.9 or later is needed.
//!
//! ```no_run
//! use std::sync::Arc;
//! use longwire_hub::StoreEvents;
//! use longwire_hub_nats::{NatsError, NatsOptions, NatsStore};
//!
//! async fn start(events: Arc<dyn StoreEvents>) -> Result<NatsStore, NatsError> {
//!     let mut options = NatsOptions::new("nats://10.0.0.1:4222");
//!     options.replicas = 3;
//!     NatsStore::connect(options, events).await
//! }
//! ```
//!
//! # What is promised, and what not
//!
//! | | with NATS | test |
//! |---|---|---|
//! | offsets of a channel, from several nodes at once | contiguous from 1, each once | `nodes_that_publish_at_once_to_a_channel_number_all_without_a_gap` |
//! | a publication that was answered with success | is stored; with 3 or 5 replicas, on a majority of the servers | `a_server_with_files_goes_on_where_it_was`, `what_was_acknowledged_survives_the_death_of_a_server` |
//! | a publication that NATS refused | nobody has heard it | `nodes_that_publish_at_once_to_a_channel_number_all_without_a_gap` |
//! | a publication that failed with `Unavailable` | may have been stored | `a_dead_connection_is_noticed_in_time_and_calls_do_not_hang` |
//! | the server's memory is lost, or a stream is deleted | every stream has another epoch | `a_server_with_memory_only_begins_new_streams`, `a_stream_that_somebody_deletes_begins_anew_with_another_epoch` |
//! | a machine crashes | NATS does not wait for the disk, and may lose what it acknowledged in the last minutes. With 3 or 5 replicas, the others have it. Without, a node that notices at its next connection or publication that something is missing which was acknowledged to it makes the namespace's streams begin anew, in another epoch. If that node is gone, too, **nobody notices** | `a_stream_that_has_lost_what_was_acknowledged_begins_anew` |
//! | all publications have expired | the position stays for `meta_ttl` after the last use, and while a node listens | `a_position_survives_when_all_publications_have_expired`, `a_channel_that_is_listened_to_keeps_its_position` |
//! | size, bytes and time of history | exact when it is read | `random_calls_have_the_outcomes_of_the_memory_broker` |
//! | idempotency keys | exact, also from two nodes at once. A node that dies between publishing and noting the position leaves NATS's own window for ids, which is as long, in the memory of the stream's leader | `a_key_that_two_nodes_use_at_once_publishes_once` |
//! | versions | exact. Publications with and without history are compared apart | `only_a_higher_version_is_published_whichever_node_has_it` |
//! | presence | seen by every node, and expires by itself | `who_is_present_is_seen_and_announced_by_every_node`, `a_client_that_is_not_renewed_is_forgotten_in_time` |
//! | a client whose presence expires | any node that listens to the namespace or has clients in it announces the leave, within about a second. Until then, statistics count it. With no node left, NATS forgets it two seconds later | `the_leave_of_a_client_whose_node_is_gone_is_announced_once` |
//! | statistics of presence | by subjects, without reading values; their time grows with the presences of the namespace | `many_clients_are_counted_and_read_up_to_the_limit` |
//! | bounds on the number of presences, keys and channels | only the length of a stream (`stream_bytes`), or the limits of the account | `a_stream_that_is_full_refuses_until_there_is_room` |
//! | storage is full | publications are refused with `LimitExceeded`; nothing is dropped | `a_server_without_room_refuses` |
//! | listening, in a cluster of NATS | begins before the answer at the server of the node. Other servers of the cluster know it before they answer a read of history that follows | `nodes_on_different_servers_hear_one_another` |
//!
//! An expired publication stays on the disk for a while: NATS 2.9 has no time to live of a single message. The node that
//! published last removes it when all publications of the channel have expired. If that node dies, up to `size`
//! publications stay until `meta_ttl` is over, or the channel is used again.
//!
//! A channel that a node listens to takes about 6 KiB of the node's memory, most of it in the client of NATS.
//!
//! # How it is stored
//!
//! Each namespace has up to three streams, which begin when they are first needed: `longwire-history-NAMESPACE`,
//! `longwire-keys-NAMESPACE`, `longwire-presence-NAMESPACE`. A channel is a subject. A node raises the limits of history and
//! keys to those that its configuration needs, and never lowers them; `nats stream edit` does. The time of presence is that of the
//! node that started last.
//!
//! A message of history says which offset it has, in which epoch, and where its predecessors are. A publisher reads the newest
//! one, or knows it because it has just written it. NATS stores the next one only if no other came in between
//! (`Nats-Expected-Last-Subject-Sequence`), so the order of offsets needs no lock. What was refused must not be heard:
//! subscribers of NATS get every message that is published, also one that JetStream then refuses. Nodes therefore listen to another
//! subject, on which JetStream publishes again what it has stored.
//!
//! Joins, leaves, publications without history and messages between nodes are plain messages of NATS. A call is answered when
//! the server has them.

mod acknowledged;
mod barrier;
mod clock;
mod connect;
mod entry;
mod error;
mod failure;
mod history;
mod jetstream;
mod keys;
mod lanes;
mod leaves;
mod line;
mod listening;
mod names;
mod options;
mod presence;
mod store;
mod streams;
mod upkeep;
mod watch;

pub use error::NatsError;
pub use options::{NatsCredentials, NatsOptions, NatsStorage, NatsTls};
pub use store::{NatsFigures, NatsStore};
