use super::super::player::FIRST_MASS;
use super::*;

const KEY: [u8; 8] = *b"a secret";
const OTHER_KEY: [u8; 8] = *b"another.";

fn join(key: [u8; 8], name: &str) -> Join {
    Join { key, colour: 0, name: name.into() }
}

/// A world with one person in it.
fn with_one() -> (World, Seat) {
    let mut world = World::new(7);
    let seat = world.join(join(KEY, "Ada"), None).unwrap();
    (world, seat)
}

fn player(world: &World, seat: Seat) -> &Player {
    world.players[usize::from(seat.index)].as_ref().unwrap()
}

fn player_mut(world: &mut World, seat: Seat) -> &mut Player {
    world.players[usize::from(seat.index)].as_mut().unwrap()
}

fn run(world: &mut World, ticks: u32) {
    for _ in 0..ticks {
        world.tick();
    }
}

fn people(world: &World) -> Vec<&str> {
    world.players.iter().flatten().filter(|player| !player.is_bot()).map(|player| &*player.name).collect()
}

/// Moves everybody else out of the way, and the dots.
fn alone(world: &mut World, seats: &[Seat]) {
    for (index, player) in world.players.iter_mut().enumerate() {
        if seats.iter().all(|seat| usize::from(seat.index) != index) {
            *player = None;
        }
    }
    world.dots.clear();
}

/// Begins both lives without a shield, one beside the other.
fn duel(masses: [i32; 2]) -> (World, [Seat; 2]) {
    let (mut world, ada) = with_one();
    let grace = world.join(join(OTHER_KEY, "Grace"), None).unwrap();
    alone(&mut world, &[ada, grace]);
    for (seat, mass) in [(ada, masses[0]), (grace, masses[1])] {
        let player = player_mut(&mut world, seat);
        player.begin_life(Point { x: 8_000, y: 8_000 }, 0);
        player.mass = mass;
    }
    (world, [ada, grace])
}

#[test]
fn a_player_goes_where_it_is_steered_and_not_out_of_the_arena() {
    let (mut world, seat) = with_one();
    alone(&mut world, &[seat]);
    run(&mut world, 1);
    let start = player(&world, seat).at;
    world.steer(seat, Steering { right: 127, ..Steering::default() });
    run(&mut world, 10);
    let moved = start.way_to(player(&world, seat).at);
    assert!(moved.x > 800 && moved.y == 0, "{moved:?}");
    world.steer(seat, Steering { right: -128, down: -128, boosts: true });
    run(&mut world, 400);
    let radius = player(&world, seat).radius();
    assert_eq!(player(&world, seat).at, Point { x: radius, y: radius });
}

#[test]
fn nobody_is_faster_diagonally() {
    let distance = |steering| {
        let (mut world, seat) = with_one();
        alone(&mut world, &[seat]);
        player_mut(&mut world, seat).begin_life(Point { x: 8_000, y: 8_000 }, 0);
        world.steer(seat, steering);
        run(&mut world, 20);
        Point { x: 8_000, y: 8_000 }.way_to(player(&world, seat).at).length()
    };
    let straight = distance(Steering { right: 127, ..Steering::default() });
    let diagonal = distance(Steering { right: 127, down: 127, boosts: false });
    assert!((straight - diagonal).abs() < straight / 20, "{straight} and {diagonal}");
}

#[test]
fn a_dot_is_eaten_and_another_one_grows() {
    let (mut world, seat) = with_one();
    alone(&mut world, &[seat]);
    player_mut(&mut world, seat).begin_life(Point { x: 8_000, y: 8_000 }, 0);
    world.dots = vec![Point { x: 8_010, y: 8_010 }];
    run(&mut world, 1);
    assert_eq!(player(&world, seat).mass, FIRST_MASS + 1);
    assert_eq!(world.dots.len(), 1);
    assert_ne!(world.dots[0], Point { x: 8_010, y: 8_010 });
}

#[test]
fn the_larger_eats_the_smaller_who_begins_again_with_a_shield() {
    let (mut world, [ada, grace]) = duel([60, 30]);
    run(&mut world, 1);
    assert_eq!(player(&world, ada).mass, 80);
    let eaten = player(&world, grace);
    assert_eq!((eaten.is_alive(), eaten.eaten_by), (false, Some(ada.index)));
    let life = eaten.life;
    run(&mut world, TICKS_AS_EATEN + 1);
    let again = player(&world, grace);
    assert_eq!(again.condition, Condition::Alive { shielded: TICKS_OF_SHIELD });
    assert_eq!((again.mass, again.life), (FIRST_MASS, life.wrapping_add(1)));

    // Nobody can eat it until the shield is gone.
    let at = player(&world, grace).at;
    player_mut(&mut world, ada).at = at;
    run(&mut world, TICKS_OF_SHIELD - 1);
    assert!(player(&world, grace).is_alive());
    run(&mut world, 1);
    assert!(!player(&world, grace).is_alive());
}

#[test]
fn equals_do_not_eat_each_other() {
    let (mut world, seats) = duel([60, 51]);
    run(&mut world, 30);
    assert!(seats.iter().all(|seat| player(&world, *seat).is_alive()));
}

#[test]
fn a_boost_is_faster_and_costs_mass_down_to_the_first() {
    let (mut world, [ada, _]) = duel([25, 25]);
    world.steer(ada, Steering { right: 0, down: 0, boosts: true });
    run(&mut world, 300);
    assert_eq!(player(&world, ada).mass, FIRST_MASS);
}

#[test]
fn who_comes_back_with_the_key_goes_on_and_the_old_connection_has_no_say() {
    let (mut world, old) = with_one();
    run(&mut world, 1);
    player_mut(&mut world, old).mass = 77;
    let new = world.join(join(KEY, "Ada"), None).unwrap();
    assert_eq!((new.index, player(&world, new).mass), (old.index, 77));
    let way = Steering { right: 9, ..Steering::default() };
    world.steer(new, way);
    world.steer(old, Steering { right: -9, ..Steering::default() });
    world.leave(old);
    assert_eq!(player(&world, new).steering, way);
    assert!(!player(&world, new).is_absent());
    assert_eq!(people(&world), ["Ada"]);
}

#[test]
fn a_lost_player_stops_and_keeps_the_seat_for_a_while() {
    let (mut world, seat) = with_one();
    alone(&mut world, &[seat]);
    run(&mut world, 1);
    world.steer(seat, Steering { right: 127, ..Steering::default() });
    world.leave(seat);
    run(&mut world, 60);
    let at = player(&world, seat).at;
    run(&mut world, TICKS_OF_ABSENCE - 61);
    assert_eq!((player(&world, seat).at, people(&world)), (at, vec!["Ada"]));
    run(&mut world, 1);
    assert!(people(&world).is_empty());
}

#[test]
fn who_does_not_steer_for_a_minute_makes_room() {
    let (mut world, seat) = with_one();
    run(&mut world, TICKS_OF_SLEEP - 1);
    world.steer(seat, Steering::default());
    run(&mut world, TICKS_OF_SLEEP - 1);
    assert_eq!(people(&world), ["Ada"]);
    run(&mut world, 1);
    assert!(people(&world).is_empty());
}

#[test]
fn people_come_before_bots_and_bots_before_nobody() {
    let mut world = World::new(1);
    assert_eq!((world.bots(), people(&world).len()), (CROWD, 0));
    let keys = (0..).map(|key: u64| key.to_be_bytes());
    let seats: Vec<Seat> = keys.take(SEATS).filter_map(|key| world.join(join(key, "Ada"), None)).collect();
    assert_eq!((seats.len(), world.bots()), (SEATS, 0));
    assert_eq!(world.join(join(KEY, "Grace"), None), None, "all seats are taken");
    world.leave(seats[3]);
    let grace = world.join(join(KEY, "Grace"), None).unwrap();
    assert_eq!(grace.index, seats[3].index, "who is there comes before who is not");
}

#[test]
fn a_connection_has_one_seat() {
    let (mut world, mut seat) = with_one();
    for key in 0..100_u64 {
        seat = world.join(join(key.to_be_bytes(), "Grace"), Some(seat)).unwrap();
    }
    assert_eq!(people(&world), ["Grace"]);
}

#[test]
fn the_roster_is_new_when_somebody_comes_or_goes() {
    let mut world = World::new(1);
    assert!(world.new_roster().is_some());
    run(&mut world, 10);
    assert!(world.new_roster().is_none());
    let seat = world.join(join(KEY, "Ada"), None).unwrap();
    let roster = world.new_roster().unwrap();
    assert!(roster.windows(3).any(|bytes| bytes == b"Ada"));
    assert!(world.new_roster().is_none());
    world.leave(seat);
    run(&mut world, TICKS_OF_ABSENCE);
    assert!(world.new_roster().is_some());
}

#[test]
fn a_snapshot_has_the_documented_layout() {
    let (mut world, seat) = with_one();
    alone(&mut world, &[seat]);
    let mut ada = Player::new(9, Pilot::Present { key: KEY, since_steered: 0 }, "Ada".into(), 3);
    ada.begin_life(Point { x: 0x1234, y: 0x0506 }, 1);
    world.players[usize::from(seat.index)] = Some(ada);
    world.dots = vec![Point { x: 0x0102, y: 0x0304 }];
    world.tick = 0x0a0b_0c0d;
    world.last_turn = 9;
    let player = [seat.index, 1, 0x12, 0x34, 5, 6, 0, 223, 0, 20, 2, 255];
    let expected = [&[1, 10, 11, 12, 13, 1][..], &player, &[1, 1, 2, 3, 4]].concat();
    assert_eq!(world.snapshot(), expected);
    assert_eq!(world.roster(), [&[2, 0, 0, 0, 9, 1, seat.index, 0, 0, 0, 9, 0, 3, 3][..], b"Ada"].concat());
}

#[test]
fn the_largest_snapshot_is_small() {
    let mut world = World::new(1);
    for key in 0..30_u64 {
        world.join(join(key.to_be_bytes(), &"W".repeat(16)), None);
    }
    run(&mut world, 1);
    assert!(world.snapshot().len() < 760, "{}", world.snapshot().len());
    assert!(world.roster().len() < 600, "{}", world.roster().len());
}

#[test]
fn a_long_game_of_bots_stays_in_its_bounds() {
    let mut world = World::new(3);
    let mut eaten = 0;
    for _ in 0..TICKS_PER_SECOND * 40 {
        world.tick();
        eaten += world
            .players
            .iter()
            .flatten()
            .filter(|player| player.condition == Condition::Eaten { ticks: TICKS_AS_EATEN })
            .count();
        for player in world.players.iter().flatten() {
            let inside = player.at.inside(player.radius());
            // A player grows after it has moved.
            assert!(player.at.way_to(inside).length() < 900, "{player:?}");
            assert!((FIRST_MASS..=1_000).contains(&player.mass), "{player:?}");
        }
    }
    assert!(eaten > 5, "the bots are alive: {eaten} were eaten");
    assert_eq!(world.bots(), CROWD);
}
