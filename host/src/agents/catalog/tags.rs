//! Tags of agents and endpoints that are there.

use super::super::{Error, MAX_TAGS, Resource, Tags};
use super::{Agents, Known};

impl Agents {
    /// The tags of a resource.
    pub fn tags(&self, resource: &Resource) -> Result<Tags, Error> {
        self.0.known().look_for(resource)?;
        self.0.store.tags(resource)
    }

    /// Adds tags to a resource, or changes those that it has, up to [`MAX_TAGS`] together.
    pub fn tag(&self, resource: &Resource, tags: &Tags) -> Result<(), Error> {
        // Held, so that the resource is there until its tags are.
        let mut known = self.0.known();
        known.look_for(resource)?;
        self.0.store.write(|write| {
            write.tag(resource, tags)?;
            match write.count_tags(resource)? {
                0..=MAX_TAGS => Ok(()),
                count => Err(Error::Quota(format!(
                    "the resource would have {count} tags, at most {MAX_TAGS} fit; remove some first"
                ))),
            }
        })
    }

    /// Takes tags from a resource, whether it has them or not.
    pub fn untag(&self, resource: &Resource, keys: &[String]) -> Result<(), Error> {
        let mut known = self.0.known();
        known.look_for(resource)?;
        self.0.store.write(|write| write.untag(resource, keys))
    }
}

impl Known<'_> {
    fn look_for(&mut self, resource: &Resource) -> Result<(), Error> {
        let entry = self.entry_of(resource.agent())?;
        match resource.endpoint() {
            Some(name) => entry.endpoint(name).map(|_| ()),
            None => Ok(()),
        }
    }
}
