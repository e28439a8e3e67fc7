mod codes;
mod net;
mod past;
mod scripted;
mod storms;
