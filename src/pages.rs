//! Lists that the room gives in pages, asked for one after the other.

use anyhow::{Context as _, Result};

use crate::{
    context::Context,
    wire::{Answer, BanRow, PublicKey, Request, WhoRow},
};

/// A row of such a list.
pub trait Row: Sized + Send {
    /// Where it stands: the room lists in this order.
    type Place: PartialOrd + Copy + Send;

    /// Asks for what comes after a row, or for the beginning.
    fn ask(after: Option<Self::Place>) -> Request;

    /// The rows of an answer, and whether more follow; nothing if it is the answer to something else.
    fn read(answer: Answer) -> Option<(Vec<Self>, bool)>;

    /// Where this one stands.
    fn place(&self) -> Self::Place;
}

/// Somebody who is there.
impl Row for WhoRow {
    type Place = u32;

    fn ask(after: Option<u32>) -> Request {
        Request::Who { after: after.unwrap_or(0) }
    }

    fn read(answer: Answer) -> Option<(Vec<Self>, bool)> {
        if let Answer::Who { rows, more } = answer { Some((rows, more)) } else { None }
    }

    fn place(&self) -> u32 {
        self.member.number
    }
}

/// A key that is put out.
impl Row for BanRow {
    type Place = PublicKey;

    fn ask(after: Option<PublicKey>) -> Request {
        Request::Bans { after }
    }

    fn read(answer: Answer) -> Option<(Vec<Self>, bool)> {
        if let Answer::Bans { rows, more } = answer { Some((rows, more)) } else { None }
    }

    fn place(&self) -> PublicKey {
        self.key
    }
}

/// Gives `page` each page, for as long as there are more and it wants them: what it has no use for is not asked for. A room
/// whose rows do not go on is not asked again.
///
/// # Errors
///
/// If the room does not answer, or to another question.
pub async fn each<R: Row>(cx: &Context, mut page: impl FnMut(Vec<R>) -> bool) -> Result<()> {
    let mut after = None;
    loop {
        let answer = cx.ask(R::ask(after)).await?;
        let (rows, more) = R::read(answer).context("the room gave an answer to another question")?;
        let last = rows.last().map(R::place);
        if !page(rows) || !more || last <= after {
            return Ok(());
        }
        after = last;
    }
}
