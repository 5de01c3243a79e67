//! The proof of a claim.

use std::hint::black_box;
use std::time::SystemTime;

use super::canonical::string_to_sign;
use super::claim::{Claim, MISMATCH};
use super::keys::{Scope, is_signed, signing_key};
use super::stamp::Stamp;
use super::{BodyHash, Expected, Incoming, Refusal, TERMINATOR, shown};

/// How far the client's clock may be from ours, both ways, in seconds.
const SKEW: u64 = 5 * 60;
/// What stands for the secret of a key that does not exist: as long as real ones, and good for nothing.
const NO_SECRET: &[u8; 40] = b"there-is-no-such-key-and-it-opens-no-doo";

impl Claim {
    /// Verifies the claim with the secret of [`Claim::access_key`], on the request that the claim was read from.
    ///
    /// `body` is the SHA-256 of the whole body. It must be there when [`Claim::body_hash`] is [`BodyHash::Needed`]; else it
    /// may be, when the body has been read already, and is checked.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when the signature was made for another region, service or time, or does not fit.
    pub fn verify(
        &self,
        incoming: &Incoming<'_>,
        secret: &[u8],
        body: Option<[u8; 32]>,
        expected: &Expected<'_>,
    ) -> Result<(), Refusal> {
        let payload = self.before_the_secret(body, expected)?;
        if self.is_signed_with(secret, incoming, &payload) {
            Ok(())
        } else {
            Err(Refusal::Invalid(MISMATCH.to_owned()))
        }
    }

    /// Refuses a claim whose access key does not exist, with the work of [`Claim::verify`], so that the time tells nothing.
    /// What is refused for a key that exists without a look at its secret is refused here in the same words.
    pub fn refuse_unknown(
        &self,
        incoming: &Incoming<'_>,
        body: Option<[u8; 32]>,
        expected: &Expected<'_>,
    ) -> Refusal {
        match self.before_the_secret(body, expected) {
            Err(refusal) => refusal,
            Ok(payload) => {
                black_box(self.is_signed_with(black_box(NO_SECRET), incoming, &payload));
                Refusal::UnknownKey
            }
        }
    }

    /// All that can be refused without a secret; the SHA-256 of the body for the rest.
    fn before_the_secret(
        &self,
        body: Option<[u8; 32]>,
        expected: &Expected<'_>,
    ) -> Result<[u8; 32], Refusal> {
        self.check_scope(expected)?;
        self.check_time(expected.now)?;
        if let Some(body) = &body {
            self.body.check(body)?;
        }
        match (self.body, body) {
            (BodyHash::Declared(hash), _) | (BodyHash::Needed, Some(hash)) => Ok(hash),
            (BodyHash::Needed, None) => Err(Refusal::Invalid(
                "The signature covers the body, which was not read. Send 'x-amz-content-sha256'."
                    .to_owned(),
            )),
        }
    }

    fn check_scope(&self, expected: &Expected<'_>) -> Result<(), Refusal> {
        let scope = &self.scope;
        let message = if scope.terminator != TERMINATOR {
            format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{}'.",
                shown(&scope.terminator)
            )
        } else if scope.region != expected.region {
            format!(
                "Credential should be scoped to a valid region, not '{}'. Use '{}'.",
                shown(&scope.region),
                expected.region
            )
        } else if scope.service != expected.service {
            format!(
                "Credential should be scoped to correct service: '{}', not '{}'.",
                expected.service,
                shown(&scope.service)
            )
        } else if scope.day != self.stamp.day() {
            format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != '{}', from '{}'.",
                shown(&scope.day),
                self.stamp.day(),
                self.stamp.text()
            )
        } else {
            return Ok(());
        };
        Err(Refusal::Invalid(message))
    }

    fn check_time(&self, now: SystemTime) -> Result<(), Refusal> {
        let now = Stamp::of(now);
        let life = self.life.unwrap_or(SKEW);
        let (signed, oldest, newest) = (&self.stamp, now.earlier(life), now.later(SKEW));
        let message = if signed.seconds() < oldest.seconds() {
            format!(
                "Signature expired: {} is now earlier than {} ({} - {})",
                signed.text(),
                oldest.text(),
                now.text(),
                match self.life {
                    None => "5 min.".to_owned(),
                    Some(life) => format!("{life} s"),
                }
            )
        } else if signed.seconds() > newest.seconds() {
            format!(
                "Signature not yet current: {} is still later than {} ({} + 5 min.)",
                signed.text(),
                newest.text(),
                now.text()
            )
        } else {
            return Ok(());
        };
        Err(Refusal::Invalid(message))
    }

    fn is_signed_with(&self, secret: &[u8], incoming: &Incoming<'_>, payload: &[u8; 32]) -> bool {
        let scope = Scope {
            day: &self.scope.day,
            region: &self.scope.region,
            service: &self.scope.service,
        };
        let text = string_to_sign(incoming, &self.signed, payload, &self.stamp, scope);
        is_signed(&signing_key(secret, scope), &text, &self.signature)
    }
}
