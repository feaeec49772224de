#![no_main]

pentimento_fuzz::fuzz!("pieces");
