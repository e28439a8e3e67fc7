mod codes;
mod net;
mod past;
mod scripted;
mod seats;
mod sim;
mod storms;
