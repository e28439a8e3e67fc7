mod codes;
mod holes;
mod net;
mod past;
mod scripted;
mod sim;
mod storms;
mod wake;
