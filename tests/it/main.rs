//! The integration tests, in one program that is linked once.

mod corpus;
