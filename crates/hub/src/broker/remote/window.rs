//! A part of a stream without a gap.

use std::sync::Arc;

use crate::publication::Publication;

/// Publications with offsets that follow one another.
#[derive(Debug, Clone, Default)]
#[cfg_attr(test, derive(PartialEq, Eq, Hash))]
pub(super) struct Window(Vec<Arc<Publication>>);

impl Window {
    /// The newest part without a gap of publications in ascending order.
    pub(super) fn newest_of(publications: Vec<Arc<Publication>>) -> Window {
        let mut window = Window::default();
        for publication in publications {
            window.push(publication);
        }
        window
    }

    /// Adds a publication. One that does not follow takes the place of all.
    pub(super) fn push(&mut self, publication: Arc<Publication>) {
        if self.last() != publication.offset.checked_sub(1) {
            self.0.clear();
        }
        self.0.push(publication);
    }

    /// The window with those of another that follow it. An empty one becomes the other.
    pub(super) fn followed_by(mut self, later: &Window) -> Window {
        for publication in &later.0 {
            if self.last().is_none_or(|last| Some(last) == publication.offset.checked_sub(1)) {
                self.0.push(publication.clone());
            }
        }
        self
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn first(&self) -> Option<u64> {
        self.0.first().map(|publication| publication.offset)
    }

    /// The offset of the last one.
    pub(super) fn last(&self) -> Option<u64> {
        self.0.last().map(|publication| publication.offset)
    }

    /// The publication with this offset.
    pub(super) fn get(&self, offset: u64) -> Option<&Arc<Publication>> {
        let place = usize::try_from(offset.checked_sub(self.first()?)?).ok()?;
        self.0.get(place)
    }

    /// The publications from this offset on.
    pub(super) fn from(&self, offset: u64) -> &[Arc<Publication>] {
        let place = self.first().and_then(|first| usize::try_from(offset.checked_sub(first)?).ok());
        place.and_then(|place| self.0.get(place..)).unwrap_or_default()
    }

    /// The publications after one offset, up to the other; `None` if one of them is not there.
    pub(super) fn between(&self, after: u64, up_to: u64) -> Option<&[Arc<Publication>]> {
        if after == up_to {
            return Some(&[]);
        }
        let first = self.first()?;
        let begin = usize::try_from(after.checked_add(1)?.checked_sub(first)?).ok()?;
        let end = usize::try_from(up_to.checked_sub(first)?).ok()?;
        self.0.get(begin..=end)
    }
}
