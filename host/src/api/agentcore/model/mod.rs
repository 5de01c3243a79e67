//! Every constraint of the AgentCore service models, held against a request before its handler sees it.
//!
//! `service.json` is cut from the models inside botocore by `tests/clients/cut_model.py`. [`table`] reads it,
//! [`differences`] says where this server means something else, [`check`] compares, and [`gate`] stands before each route
//! that is an operation of the models. A request is refused with all that is wrong with it at once.

mod check;
mod differences;
mod gate;
mod table;

pub(in crate::api) use gate::gate;

#[cfg(test)]
mod tests;
