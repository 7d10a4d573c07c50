//! Rollouts against a real registry, with nodes that speak to it over HTTP and load nothing.

#[path = "rollouts/actor.rs"]
mod actor;
#[path = "rollouts/asked.rs"]
mod asked;
#[path = "rollouts/bad.rs"]
mod bad;
#[path = "rollouts/counted.rs"]
mod counted;
#[path = "rollouts/course.rs"]
mod course;
#[path = "rollouts/crash.rs"]
mod crash;
#[path = "rollouts/explained.rs"]
mod explained;
#[path = "rollouts/form.rs"]
mod form;
#[path = "rollouts/held.rs"]
mod held;
#[path = "rollouts/hostile.rs"]
mod hostile;
#[path = "rollouts/pages.rs"]
mod pages;
#[path = "rollouts/pins.rs"]
mod pins;
#[path = "rollouts/refused.rs"]
mod refused;
#[path = "rollouts/siege.rs"]
mod siege;
#[path = "rollouts/templates.rs"]
mod templates;
#[path = "rollouts/waits.rs"]
mod waits;
