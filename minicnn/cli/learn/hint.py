"""``minicnn learn hint``."""

from minicnn.cli.learn.app import CurrentLessonArgument, ExerciseArgument, learn


@learn.command()
def hint(number: CurrentLessonArgument = None, exercise: ExerciseArgument = None) -> None:
    """Show the next hint: first the idea, then the shapes, then the steps."""
    from minicnn.learn import library
    from minicnn.learn.workspace import Workspace

    workspace = Workspace.find()
    lesson = workspace.current() if number is None else library.lesson(number)
    workspace.need_started(lesson)
    chosen = lesson.exercise(exercise) if exercise else workspace.next_exercise(lesson)
    shown, text = workspace.hint(lesson, chosen)
    print(f"{chosen.name}, hint {shown} of {len(chosen.hints)}\n\n{text}")
    print(f"\nNext:  minicnn learn check {lesson.number:02d} {chosen.name}")
