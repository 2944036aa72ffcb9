"""``minicnn learn start``."""

from minicnn.cli.learn.app import LessonArgument, learn


@learn.command()
def start(number: LessonArgument) -> None:
    """Begin a lesson: its script, with functions for you to write, comes to your folder."""
    from minicnn.learn import library
    from minicnn.learn.workspace import Workspace

    workspace, lesson = Workspace.find(), library.lesson(number)
    new = workspace.start(lesson)
    print(f"Lesson {lesson.number}: {lesson.title}")
    state = "is yours now" if new else "was there already and stays as it is"
    print(f"{workspace.path(lesson)} {state}.\n")
    for exercise in lesson.exercises:
        print(f"  {exercise.name}: {exercise.job}")
    print(f"\nNext:  write the first function, then  minicnn learn check {lesson.number:02d}")
