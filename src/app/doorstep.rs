//! What somebody says at the door of a room that does not know them: a code, or a knock. A person at a terminal is asked,
//! a script has said it beforehand.

use tokio::sync::{mpsc, oneshot, watch};
use zeroize::Zeroizing;

use super::event::{Stage, guesses};
use super::line::{Asking, Question};
use crate::{
    code::Code,
    command::Context,
    repl::{Next, Reply, Typed},
    session::Wish,
    wire::Refusal,
};

/// The variable in which a script has the code. A code is never an argument: arguments show in the list of processes.
const VARIABLE: &str = "PCHAT_CODE";

/// What a person is asked.
pub(super) const QUESTION: &str = "code (Enter to knock): ";

/// A question to the person at the terminal.
pub(super) struct Ask {
    /// What went wrong before, if it is not the first one.
    pub(super) why: Option<String>,
    pub(super) reply: oneshot::Sender<Wish>,
}

/// Who knows what to say.
pub(super) enum Doorstep {
    /// The person.
    Person(mpsc::Sender<Ask>),
    /// A script: the code, until it has been tried.
    Script { code: Option<Zeroizing<String>>, tried: bool },
}

impl Doorstep {
    /// A doorstep, and for a person the questions.
    pub(super) fn new(terminal: bool) -> (Self, Option<mpsc::Receiver<Ask>>) {
        if terminal {
            let (asks, asked) = mpsc::channel(1);
            return (Self::Person(asks), Some(asked));
        }
        let code = std::env::var(VARIABLE).ok().filter(|code| !code.trim().is_empty()).map(Zeroizing::new);
        (Self::Script { code, tried: false }, None)
    }

    /// What a host that is not known has to prove before anything else: a script's code.
    pub(super) fn code(&mut self) -> Result<Option<Code>, String> {
        let Self::Script { code, tried } = self else { return Ok(None) };
        let Some(typed) = code.take() else { return Ok(None) };
        *tried = true;
        Code::typed(&typed).map(Some).map_err(|slip| format!("{VARIABLE}: {slip}"))
    }

    /// What to say after a refusal.
    pub(super) async fn wish(&mut self, refusal: &Refusal) -> Result<Wish, String> {
        match self {
            Self::Person(asks) => {
                let why = match refusal {
                    Refusal::WrongCode => Some("that is not the code of this room".to_owned()),
                    Refusal::Guesses { secs } => Some(guesses(*secs)),
                    _ => None,
                };
                let (reply, wish) = oneshot::channel();
                // Both fail only if the program ends.
                if asks.send(Ask { why, reply }).await.is_err() {
                    return Ok(Wish::Leave);
                }
                Ok(wish.await.unwrap_or(Wish::Leave))
            }
            Self::Script { tried: true, .. } => Err(match refusal {
                Refusal::Guesses { secs } => guesses(*secs),
                _ => format!("{VARIABLE} is not the code of this room"),
            }),
            script => Ok(script.code()?.map_or(Wish::Knock, Wish::Code)),
        }
    }
}

/// Asks the person until the room lets them in or asks its host. Returns whether they stay.
pub(super) async fn ask(
    first: Ask,
    asks: &mut mpsc::Receiver<Ask>,
    lines: &mut mpsc::Receiver<Typed>,
    stage: &mut watch::Receiver<Stage>,
    (cx, asking): (&Context, &Asking),
) -> bool {
    asking.set(Question::Code);
    let mut wish = Some(first.reply);
    while let Some(typed) = lines.recv().await {
        let (text, reply) = match typed {
            Typed::Line { text, reply } => (Zeroizing::new(text), reply),
            Typed::Quit { reply } => {
                let _ = reply.send(Reply { next: Next::Stop, ..Reply::default() });
                break;
            }
        };
        let said = match text.trim() {
            "" => Wish::Knock,
            code => match Code::typed(code) {
                Ok(code) => Wish::Code(code),
                Err(slip) => {
                    cx.error(slip.to_string());
                    again(reply);
                    continue;
                }
            },
        };
        if let Some(wish) = wish.take() {
            let _ = wish.send(said);
        }
        // The editor shows no prompt before it is known what comes of it.
        tokio::select! {
            inside = stage.wait_for(|stage| *stage > Stage::Outside) => {
                let inside = inside.is_ok();
                asking.set(Question::None);
                let _ = reply.send(Reply::default());
                return inside;
            }
            next = asks.recv() => match next {
                Some(Ask { why, reply: next }) => {
                    why.into_iter().for_each(|why| cx.error(why));
                    wish = Some(next);
                    again(reply);
                }
                None => break,
            },
        }
    }
    false
}

fn again(reply: oneshot::Sender<Reply>) {
    let next = Next::AskSecret(QUESTION.to_owned());
    let _ = reply.send(Reply { next, ..Reply::default() });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(code: &str) -> Doorstep {
        Doorstep::Script { code: Some(Zeroizing::new(code.to_owned())), tried: false }
    }

    #[tokio::test]
    async fn a_script_says_its_code_once_and_knocks_without_one() {
        let mut door = script("zoo abandon lens");
        assert!(matches!(door.wish(&Refusal::Stranger).await, Ok(Wish::Code(_))));
        let error = door.wish(&Refusal::WrongCode).await.err().expect("no second try");
        assert_eq!(error, "PCHAT_CODE is not the code of this room");
        let mut door = Doorstep::Script { code: None, tried: false };
        assert!(matches!(door.wish(&Refusal::Stranger).await, Ok(Wish::Knock)));
    }

    #[tokio::test]
    async fn a_script_with_a_slip_in_its_code_hears_so_and_no_try_is_made() {
        let error = script("zoo abandn hunter2").wish(&Refusal::Stranger).await.err().expect("a slip");
        assert!(error.contains("word 2") && !error.contains("abandon") && !error.contains("hunter"), "{error}");
    }
}
