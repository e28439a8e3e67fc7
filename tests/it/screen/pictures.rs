//! The pictures of the documentation, drawn from real runs. Nothing in them is made up but addresses, ports and the
//! homes' paths, which are those of an example. After a change of the looks, draw them anew with
//!
//! ```text
//! cargo test --test it -- --ignored pictures
//! ```

use std::{fs, path::Path};

use crate::support::{Home, Pty, Window, svg};

/// Somebody at a terminal.
struct Person {
    pty: Pty,
    title: &'static str,
    home: Home,
}

/// A room in which alice, bob and carol are.
struct Scene {
    alice: Person,
    bob: Person,
    carol: Person,
    port: u16,
}

impl Scene {
    /// Bob comes in with the code, and so does carol.
    fn open() -> Self {
        let [alice, bob, carol] = [Home::new(), Home::new(), Home::new()];
        let (pty, port) = Pty::host(&alice, "alice", &[]);
        let code = pty.code();
        let alice = Person { pty, title: "alice: pchat host", home: alice };
        let bob = join(bob, "bob", "bob: pchat join 192.0.2.2", (port, &code));
        alice.pty.expect("bob joined");
        let carol = join(carol, "carol", "carol: pchat join 192.0.2.2", (port, &code));
        for person in [&alice, &bob] {
            person.pty.expect("carol joined");
        }
        Self { alice, bob, carol, port }
    }

    /// A person types a line, and everybody sees it.
    fn say(&mut self, who: fn(&mut Self) -> &mut Person, line: &str) {
        who(self).pty.line(line);
        // As far as it stands in one row.
        let beginning: String = line.chars().take(40).collect();
        for person in [&self.alice, &self.bob, &self.carol] {
            person.pty.wait_for(line, |text| {
                let last = text.trim_end().rsplit('\n').next().unwrap_or_default();
                text.contains(&format!(": {beginning}")) && last.trim_end().ends_with('>')
            });
        }
    }

    fn window(&self, person: &Person) -> Window {
        person.pty.settle();
        let mut window = person.pty.look(|screen| Window::of(person.title, screen));
        let port = self.port;
        window.replace(&format!("127.0.0.1:{port}"), "192.0.2.2:5000");
        window.replace(&format!("port {port}"), "port 5000");
        window.replace("127.0.0.1", "192.0.2.7");
        for (person, home) in [(&self.alice, "/home/alice"), (&self.bob, "/home/bob"), (&self.carol, "/home/carol")] {
            window.replace(&person.home.path().display().to_string(), home);
        }
        window
    }
}

fn join(home: Home, name: &str, title: &'static str, (port, code): (u16, &str)) -> Person {
    let mut pty = Pty::run(&home, &["join", &format!("127.0.0.1:{port}"), "--name", name]);
    pty.expect("code (Enter to knock):");
    pty.line(code);
    pty.wait_for("its prompt", |text| {
        text.contains(&format!("you are {name} ")) && text.contains(&format!("\n{name}>"))
    });
    Person { pty, title, home }
}

fn write(name: &str, about: &str, windows: &[Window]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    fs::write(&path, svg(about, windows)).expect("the documentation can be written");
}

/// How far the file is by that window, in per cent.
fn percent(text: &str, file: &str) -> Option<u32> {
    let bar = text.lines().rev().find(|row| row.contains(file) && row.contains('%'))?;
    bar.split('%').next()?.split_whitespace().next_back()?.parse().ok()
}

#[test]
#[ignore = "draws docs/room.svg"]
fn pictures_room() {
    let mut scene = Scene::open();
    scene.say(|scene| &mut scene.bob, "hello alice, is the plan for Sunday still on?");
    scene.say(|scene| &mut scene.alice, "it is! we meet at nine, at the bakery behind the station 🥐");
    scene.say(|scene| &mut scene.carol, "nine is early, but for fresh bread I come");
    scene.say(
        |scene| &mut scene.bob,
        "the map is at https://example.org/walk, it is 14 km with a long rest at the lake",
    );
    scene.alice.pty.line("msg bob it is carol's birthday, can you bring the cake?");
    scene.bob.pty.expect("bring the cake?");
    scene.bob.pty.line("msg alice gladly. with candles?");
    scene.alice.pty.expect("with candles?");
    scene.say(|scene| &mut scene.carol, "see you on Sunday, bob and alice");
    scene.alice.pty.keys("see you th");
    scene.alice.pty.expect("see you th");
    let about = "A room in two terminals: alice has opened it with pchat host, bob and carol came in with its code, and \
                 they talk; alice and bob also in private.";
    write("room.svg", about, &[scene.window(&scene.alice), scene.window(&scene.bob)]);
}

#[test]
#[ignore = "draws docs/transfer.svg"]
fn pictures_transfer() {
    let mut scene = Scene::open();
    let folder = scene.alice.home.path().join("Walk along the lake");
    fs::create_dir(&folder).expect("it can be made");
    for i in 1..=24 {
        fs::write(folder.join(format!("IMG_{i:04}.jpg")), vec![i; 1 << 20]).expect("it can be written");
    }
    fs::write(scene.alice.home.path().join("walk.mp4"), vec![7; 40 << 20]).expect("it can be written");
    scene.say(|scene| &mut scene.carol, "did somebody take pictures today?");
    scene.alice.pty.line("limit 8M");
    scene.alice.pty.line("sendfile Walk along the lake");
    scene.alice.pty.expect("offer 1");
    scene.alice.pty.line("sendfile walk.mp4 --to bob");
    scene.alice.pty.expect("offer 2");
    scene.alice.pty.keys("here they come, and the fil");
    let far = |text: &str| percent(text, "walk.mp4").is_some_and(|percent| (30..90).contains(&percent));
    scene.bob.pty.wait_for("a third of it", far);
    let about = "Files on their way: above the prompts of alice, who sends, and of bob, who receives, bars show how far \
                 a folder and a film are, while alice types.";
    write("transfer.svg", about, &[scene.window(&scene.alice), scene.window(&scene.bob)]);
}

#[test]
#[ignore = "draws docs/menu.svg"]
fn pictures_menu() {
    let mut scene = Scene::open();
    scene.say(|scene| &mut scene.bob, "alice, can you see how far the transfers are?");
    scene.alice.pty.keys("/");
    scene.alice.pty.wait_for("the slash", |text| text.contains("> /"));
    scene.alice.pty.keys("\t");
    scene.alice.pty.expect("accept");
    let about = "What Tab offers after a slash, above the line in which alice types: the commands.";
    write("menu.svg", about, &[scene.window(&scene.alice)]);
}
