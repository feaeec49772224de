#![no_main]

pentimento_fuzz::fuzz!("adapter_model");
