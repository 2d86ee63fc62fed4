//! scratch
#[path = "behaviour/speaks_prompts.rs"]
mod speaks_prompts;
#[path = "behaviour/hears_where_people_speak.rs"]
mod hears_where_people_speak;
