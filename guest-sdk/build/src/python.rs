use crate::job::Job;
use crate::{Error, Result};

pub(crate) fn build(job: &Job<'_>) -> Result<Vec<String>> {
    let _ = (
        &job.env,
        &job.sdk,
        &job.wit,
        &job.work,
        &job.tools,
        &job.out,
        &job.talk,
        &job.project,
    );
    Err(Error::Agent("not yet".to_owned()))
}
