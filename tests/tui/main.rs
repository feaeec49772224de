//! The workbench without a terminal and without a model: a scripted engine
//! answers, and the screens are looked at.

mod script;

mod dump;
