use std::num::NonZeroU32;
use std::task::Waker;

use super::super::inbox::StreamEvent;
use super::*;

fn outbox(most: usize) -> (Arc<Outbox>, Arc<Inbox>, Arc<Budget>) {
    let budget = Arc::new(Budget::new(most));
    let inbox = Arc::new(Inbox::new(Arc::clone(&budget)));
    (Arc::new(Outbox::new(Arc::clone(&budget), Arc::clone(&inbox))), inbox, budget)
}

/// What is sent now, each message without its quotes. `None`: the stream has ended.
fn sent(outbox: &Outbox) -> Option<Vec<String>> {
    match outbox.poll_frames(&mut Context::from_waker(Waker::noop()), usize::MAX) {
        Poll::Pending => Some(Vec::new()),
        Poll::Ready(frames) => {
            let text = |frame: &Frame| String::from_utf8(frame.as_bytes().to_vec()).unwrap();
            frames.map(|frames| frames.iter().map(text).collect())
        }
    }
}

#[test]
fn what_the_session_says_precedes_subscriptions_that_begin_meanwhile() {
    let (outbox, _, budget) = outbox(MAX_QUEUED);
    outbox.deliver(1, SlowPolicy::Disconnect, &"older".into());
    outbox.begin_call();
    outbox.begin(2);
    outbox.begin(3);
    outbox.deliver(2, SlowPolicy::Disconnect, &"newer".into());
    outbox.deliver(3, SlowPolicy::Disconnect, &"given up".into());
    outbox.forget(3);
    outbox.send("reply".into());
    assert_eq!(sent(&outbox).unwrap(), ["older", "reply"]);
    outbox.end_call();
    assert_eq!(sent(&outbox).unwrap(), ["newer"]);
    outbox.begin_call();
    outbox.deliver(2, SlowPolicy::Disconnect, &"at once".into());
    assert_eq!(sent(&outbox).unwrap(), ["at once"], "it began in an earlier call");
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_client_that_does_not_read_is_told_why_and_costs_nothing_more() {
    let (outbox, inbox, budget) = outbox(usize::MAX);
    let kilobyte = Frame::Binary(vec![0; 1 << 10].into());
    for _ in 0..(1 << 10) {
        outbox.deliver(1, SlowPolicy::Disconnect, &kilobyte);
    }
    assert_eq!(budget.used(), 0, "it was dropped");
    outbox.send("a reply with a gap before it".into());
    assert_eq!(sent(&outbox).unwrap(), [""; 0]);
    let mut next = std::pin::pin!(inbox.next(false));
    let mut cx = Context::from_waker(Waker::noop());
    let Poll::Ready(StreamEvent::Disconnect(why)) = next.as_mut().poll(&mut cx) else { panic!("it goes on") };
    assert_eq!(why, Disconnect::SLOW);
    outbox.close();
    outbox.deliver(1, SlowPolicy::Disconnect, &kilobyte);
    outbox.send("the reason".into());
    outbox.end();
    assert_eq!(sent(&outbox).unwrap(), ["the reason"]);
    assert_eq!(sent(&outbox), None);
}

#[test]
fn all_streams_together_have_a_bound() {
    let (first, _, budget) = outbox(3 * OVERHEAD);
    let inbox = Arc::new(Inbox::unbounded());
    let second = Outbox::new(Arc::clone(&budget), Arc::clone(&inbox));
    first.send("1".into());
    second.send("2".into());
    second.send("3".into());
    assert_eq!(sent(&second).unwrap(), [""; 0], "the one that reached the bound is slow");
    assert_eq!(sent(&first).unwrap(), ["1"]);
    first.send("4".into());
    drop(first);
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_channel_may_keep_only_its_newest_messages() {
    let (outbox, _, budget) = outbox(usize::MAX);
    let two = SlowPolicy::DropOldest(NonZeroU32::new(2).unwrap());
    outbox.send("reply".into());
    for number in ["1", "2", "3", "4"] {
        outbox.deliver(1, two, &number.into());
        outbox.deliver(2, SlowPolicy::Latest, &number.into());
    }
    assert_eq!(sent(&outbox).unwrap(), ["reply", "3", "4", "4"]);
    assert_eq!(budget.used(), 0);
}

#[test]
fn nothing_is_kept_for_a_stream_that_nobody_reads() {
    let (outbox, inbox, budget) = outbox(usize::MAX);
    outbox.send("1".into());
    outbox.abandon();
    outbox.send("2".into());
    outbox.deliver(1, SlowPolicy::Disconnect, &"3".into());
    assert_eq!(budget.used(), 0);
    let mut next = std::pin::pin!(inbox.next(false));
    let event = next.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(event, Poll::Ready(StreamEvent::Abandoned)));
}

#[test]
fn one_message_may_be_long_and_the_session_waits_until_it_was_sent() {
    let (outbox, inbox, _) = outbox(usize::MAX);
    let mut cx = Context::from_waker(Waker::noop());
    let mut is_ready = |outbox: &Outbox| std::pin::pin!(outbox.room()).poll(&mut cx).is_ready();
    assert!(is_ready(&outbox));
    outbox.send("a push".into());
    outbox.send(Frame::Binary(vec![b'x'; 2 * MAX_QUEUED].into()));
    assert!(!is_ready(&outbox), "it has not been sent");
    assert_eq!(sent(&outbox).unwrap().len(), 2);
    assert!(is_ready(&outbox));

    outbox.send(Frame::Binary(vec![b'x'; 2 * MAX_QUEUED].into()));
    outbox.send("one more".into());
    assert!(is_ready(&outbox), "there is nothing to wait for");
    let mut next = std::pin::pin!(inbox.next(true));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(next.as_mut().poll(&mut cx), Poll::Ready(StreamEvent::Disconnect(_))));
}
