//! The workbench without a terminal and without a model: a scripted engine
//! answers, and the screens are looked at.

mod board;
mod chaos;
mod counterfact;
mod driven;
mod duel;
mod dump;
mod erase;
mod guided;
mod habits;
mod known;
mod leaving;
mod lens;
mod models;
mod recipe;
mod screens;
mod script;
mod stacked;
mod stored;
mod validation;
mod views;
mod yours;
